// The helpers that generated contracts are built from. The prime keeps them apart from fields: inside a record its fields come before what stands around it.
// A file gets those that it uses, so it stands alone wherever it is copied to.

/** In order: a helper uses only what stands before it. Every one refuses with a message that says what would be right. */
export const PRELUDE: readonly { readonly name: string; readonly text: string; readonly uses: readonly string[] }[] = [
  {
    name: "check'",
    uses: [],
    text: `let check' = fun holds message => std.contract.from_validator (fun value => if holds value then 'Ok else 'Error { message = message }) in`,
  },
  {
    name: "Matching'",
    uses: ["check'"],
    text: `let Matching' = fun pattern message => check' (fun value => std.is_string value && std.string.is_match pattern value) message in`,
  },
  {
    name: "Text'",
    uses: ["check'"],
    text: `let Text' = fun least most =>
  check' (fun value => std.is_string value && std.string.length value >= least && std.string.length value <= most)
    "must be a text of %{std.to_string least} to %{std.to_string most} characters"
in`,
  },
  {
    name: "Integer'",
    uses: ["check'"],
    text: `let Integer' = fun least most =>
  check' (fun value => std.is_number value && std.number.is_integer value && value >= least && value <= most)
    "must be an integer from %{std.to_string least} to %{std.to_string most}"
in`,
  },
  {
    name: "Between'",
    uses: ["check'"],
    text: `let Between' = fun least most =>
  check' (fun value => std.is_number value && value >= least && value <= most)
    "must be a number from %{std.to_string least} to %{std.to_string most}"
in`,
  },
  {
    name: "Above'",
    uses: ["check'"],
    text: `let Above' = fun bound => check' (fun value => std.is_number value && value > bound) "must be a number above %{std.to_string bound}" in`,
  },
  {
    name: "Below'",
    uses: ["check'"],
    text: `let Below' = fun bound => check' (fun value => std.is_number value && value < bound) "must be a number below %{std.to_string bound}" in`,
  },
  {
    name: "Items'",
    uses: ["check'"],
    text: `let Items' = fun least most =>
  check' (fun value => std.is_array value && std.array.length value >= least && std.array.length value <= most)
    "must have %{std.to_string least} to %{std.to_string most} items"
in`,
  },
  {
    name: "Only'",
    uses: ["check'"],
    text: `let Only' = fun expected => check' (fun value => value == expected) "must be %{std.serialize 'Json expected}" in`,
  },
  {
    name: "Word'",
    uses: ["check'"],
    text: `let Word' = fun words =>
  check' (fun value => std.is_string value && std.array.elem value words) "must be one of %{std.string.join ", " words}, as a string"
in`,
  },
  {
    name: "TagOrWord'",
    uses: ["check'"],
    text: `let TagOrWord' = fun words =>
  check'
    (fun value =>
      (std.is_string value && std.array.elem value words)
      || (std.is_enum value && (let parts = std.enum.to_tag_and_arg value in !(std.record.has_field "arg" parts) && std.array.elem parts.tag words)))
    "must be one of %{std.string.join ", " words}"
in`,
  },
  {
    name: "Names'",
    uses: ["check'"],
    text: `let Names' = fun pattern message =>
  check' (fun value => std.is_record value && std.array.all (std.string.is_match pattern) (std.record.fields value)) "the names of fields %{message}"
in`,
  },
  {
    name: "Case'",
    uses: [],
    text: `let Case' = fun field cases =>
  let names = std.string.join ", " (std.record.fields cases) in
  std.contract.custom (fun label value =>
    if !(std.is_record value) then 'Error { message = "must be a record with the field \`%{field}\`" }
    else if !(std.record.has_field field value) then 'Error { message = "the field \`%{field}\` is missing: it is one of %{names}" }
    else
      let chosen = std.record.get field value in
      let name =
        if std.is_enum chosen then (std.enum.to_tag_and_arg chosen).tag
        else if std.is_string chosen then chosen
        else ""
      in
      if std.record.has_field name cases then 'Ok (std.contract.apply (std.record.get name cases) label value)
      else 'Error { message = "\`%{field}\` must be one of %{names}" })
in`,
  },
];

/** The helpers that a text uses, as text, each after what it needs. */
export function preludeFor(body: string): string {
  const wanted = new Set(PRELUDE.filter(({ name }) => new RegExp(`\\(${name} `).test(body)).map(({ name }) => name));
  for (const { name, uses } of [...PRELUDE].reverse()) if (wanted.has(name)) for (const used of uses) wanted.add(used);
  return PRELUDE.filter(({ name }) => wanted.has(name))
    .map(({ text }) => `${text}\n`)
    .join("");
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { isListedRepository, parseImage } from "./image.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test("parseImage: a repository and a digest; no tag, no other way to write one, nothing beside it", () => {
  assert.deepEqual(parseImage(`reg.example:5000/team/app@${DIGEST}`), { repository: "reg.example:5000/team/app", digest: DIGEST });
  for (const wrong of [
    "reg.example/app",
    "reg.example/app:1.0",
    `reg.example/app:1.0@${DIGEST}`,
    `app@${DIGEST}`,
    `reg.example/App@${DIGEST}`,
    `reg.example/../app@${DIGEST}`,
    `reg.example//app@${DIGEST}`,
    `user@reg.example/app@${DIGEST}`,
    `reg.example/app@${DIGEST.toUpperCase()}`,
    `reg.example/app@${DIGEST}\n`,
    ` reg.example/app@${DIGEST}`,
    `reg.example/app@${DIGEST} --privileged`,
  ])
    assert.equal(parseImage(wrong), undefined, JSON.stringify(wrong));
});

test("isListedRepository: exact, or below a path; a prefix of a name is neither", () => {
  const listed = ["reg.example/team/*", "reg.example/web"];
  for (const yes of ["reg.example/team/app", "reg.example/team/a/b", "reg.example/web"])
    assert.equal(isListedRepository(yes, listed), true, yes);
  for (const no of ["reg.example/team", "reg.example/team2/app", "reg.example/web2", "reg.example/web/app", "evil.example/team/app"])
    assert.equal(isListedRepository(no, listed), false, no);
});

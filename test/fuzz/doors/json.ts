// Strict JSON: whatever it accepts, the platform's parser accepts too, with the same value.
import assert from "node:assert/strict";
import { canonicalJson, parseStrictJson } from "@triplane/contract";
import { bytesOf, type Door } from "../door.ts";

export function strictJson(): Door {
  return {
    seeds: [
      '{"a":[1,2.5,-3e2,true,false,null],"b":{"c":"\\u00e9 \\ud83d\\ude00 \\n"}}',
      '{"__proto":{"x":1},"seq":9007199254740991}',
      '["", [[[]]], {}]',
    ].map(bytesOf),
    enter: (input) => {
      const value = parseStrictJson(input);
      assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(Buffer.from(input).toString("utf8"))));
      canonicalJson(value);
    },
  };
}

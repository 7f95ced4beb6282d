// Failures of golden images: what is refused on their way from a recipe to the image that runners are made from.
import { failureEntries } from "./entry.ts";

export const GOLDEN_FAILURES = failureEntries({
  golden_smoke_failed: {
    httpStatus: 502,
    retry: "no",
    what: "A machine made from the new golden image did not boot, or could not build.",
    hint: "The candidate was removed and the current image stays; the message says how far the machine came.",
  },
  golden_refused: {
    httpStatus: 409,
    retry: "no",
    what: "The golden images do not allow this change.",
    hint: "`triplane golden status` shows which image is current, previous or a candidate.",
  },
  golden_locked: {
    httpStatus: 409,
    retry: "later",
    what: "Another command changes the golden images from this machine.",
    hint: "Wait until it ends; the message has its process id.",
  },
  golden_contents: {
    httpStatus: 502,
    retry: "later",
    what: "The list of a golden image's contents could not be made, or not be stored in the registry.",
    hint: "Without its list an image is not promoted; put the registry right and promote the candidate.",
  },
});

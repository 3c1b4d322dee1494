// The landing page.

import { localizeNumbers } from "./locale.js";

for (const body of document.querySelectorAll(".card > .body")) localizeNumbers(body);

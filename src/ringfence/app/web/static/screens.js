// Starts what the screens need; each module does nothing where its elements are missing.

import { start as facets } from "./facets.js";
import { start as keys } from "./keys.js";
import { start as lists } from "./lists.js";
import { start as live } from "./live.js";
import { start as look } from "./look.js";
import { start as map } from "./map.js";
import { start as palette } from "./palette.js";
import { start as swap } from "./swap.js";

for (const start of [look, swap, lists, facets, map, palette, keys, live]) start();

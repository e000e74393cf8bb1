// What lives as long as the VM: words, stat records, streams, copies.

import { Arena, openArena } from "../bytes/arena";

let arena: Arena = changetype<Arena>(0);

/** The VM's arena, once `openVm` has opened it. Never closed. */
// @ts-ignore: decorator
@inline
export function vmArena(): Arena {
  return arena;
}

// @ts-ignore: decorator
@inline
export function isVmOpen(): bool {
  return changetype<usize>(arena) != 0;
}

/** Opens the VM's arena. @returns false without memory */
export function openVm(): bool {
  const opened = openArena();
  if (opened == null) return false;
  arena = opened;
  return true;
}

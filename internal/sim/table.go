//go:build cuda && cgo && linux

package sim

/*
#cgo CFLAGS: -I${SRCDIR}/../cuda
#include "table.h"
*/
import "C"

import "unsafe"

// functions is the driver table of the simulator, by symbol.
func functions() map[string]unsafe.Pointer {
	var count C.int
	entries := C.sim_table(&count)
	table := map[string]unsafe.Pointer{}
	for _, entry := range unsafe.Slice(entries, count) {
		table[C.GoString(entry.symbol)] = entry.function
	}
	return table
}

//go:build (amd64 || arm64) && !purego

package pool

// pauses between two looks at a shared word: some 100 ns, so that a waiting core leaves the bus and its sibling alone.
const pauses = 8

// pause tells the core n times that it is in a wait loop.
//
//go:noescape
func pause(n uint32)

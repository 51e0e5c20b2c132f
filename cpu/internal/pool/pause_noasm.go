//go:build (!amd64 && !arm64) || purego

package pool

const pauses = 100

// pause lets some time pass between two looks at a shared word.
func pause(n uint32) {
	for range n {
	}
}

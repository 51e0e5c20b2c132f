//go:build !(cuda && cgo && linux)

package cuda

import "fmt"

// Status reports that this program has no driver built in.
func Status() Info { return Info{Err: fmt.Errorf("cuda: %w", ErrNotBuilt)} }

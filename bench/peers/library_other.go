//go:build !((darwin || linux) && (amd64 || arm64) && !android)

package peers

import (
	"fmt"
	"runtime"
)

// library is never opened here.
type library struct{ path string }

func openLibrary(string, ...string) (*library, error) {
	return nil, fmt.Errorf("%w: shared libraries are not loaded on %s/%s", ErrNotFound, runtime.GOOS, runtime.GOARCH)
}

func (l *library) symbol(name string) (uintptr, error) {
	return 0, fmt.Errorf("%w: %s", ErrNotFound, name)
}

func call(uintptr, ...uintptr) uintptr { return 0 }

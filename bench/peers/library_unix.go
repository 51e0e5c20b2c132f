//go:build (darwin || linux) && (amd64 || arm64) && !android

package peers

import (
	"fmt"
	"os"
	"strings"

	"github.com/ebitengine/purego"
)

// library is a shared library, opened. It stays open: its worker threads may outlive any call.
type library struct {
	path   string
	handle uintptr
}

// openLibrary opens the first of the candidates that loads, or the one that the environment variable names.
func openLibrary(variable string, candidates ...string) (*library, error) {
	if path := os.Getenv(variable); path != "" {
		candidates = []string{path}
	}
	for _, path := range candidates {
		if h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL); err == nil {
			return &library{path, h}, nil
		}
	}
	return nil, fmt.Errorf("%w: tried %s (%s names another)", ErrNotFound, strings.Join(candidates, ", "), variable)
}

// symbol is a function's address, in the library or in one that it depends on.
func (l *library) symbol(name string) (uintptr, error) {
	f, err := purego.Dlsym(l.handle, name)
	if err != nil {
		return 0, fmt.Errorf("%w: %s has no %s", ErrNotFound, l.path, name)
	}
	return f, nil
}

// call calls a C function all of whose arguments are integers and pointers. Go memory behind them must be on the
// heap and stay reachable.
func call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}

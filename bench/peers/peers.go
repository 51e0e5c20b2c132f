package peers

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-compute/tandem/bench"
)

// ErrNotFound is what Open returns, wrapped, for a peer that this machine does not have.
var ErrNotFound = errors.New("not found")

var peers = []struct {
	name string
	open func() (bench.Impl, error)
}{
	{"gonum", func() (bench.Impl, error) { return gonumPeer{}, nil }},
	{"openblas", func() (bench.Impl, error) { return openBLAS(openBLASLibrary) }},
	{"blis", func() (bench.Impl, error) { return openBLAS(blisLibrary) }},
	{"onednn", openOneDNN},
	{"pytorch", openPyTorch},
}

// Names lists the peers that Open knows.
func Names() []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}

// Open finds a peer by its name. The error wraps ErrNotFound if the peer is known but not here, and says what was
// tried.
func Open(name string) (bench.Impl, error) {
	for _, p := range peers {
		if p.name != name {
			continue
		}
		impl, err := p.open()
		if err != nil {
			return nil, fmt.Errorf("peers: %s: %w", name, err)
		}
		return impl, nil
	}
	return nil, fmt.Errorf("peers: no peer %q: want one of %s", name, strings.Join(Names(), ", "))
}

// OpenAll opens every peer of a list. What is not here comes back joined in the error, beside the peers that are.
func OpenAll(names []string) ([]bench.Impl, error) {
	var impls []bench.Impl
	var errs []error
	for _, name := range names {
		impl, err := Open(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		impls = append(impls, impl)
	}
	return impls, errors.Join(errs...)
}

// unsupported says that a peer does not have a case.
func unsupported(c bench.Case) error {
	return fmt.Errorf("%s/%s: %w", c.Family, c.DType, bench.ErrUnsupported)
}

// timed calls work n times.
func timed(n int, work func()) time.Duration {
	start := time.Now()
	for range n {
		work()
	}
	return time.Since(start)
}

// quickest picks the fastest of several ways to do the same work, by the best of a few calls of each.
func quickest(ways []func()) func() {
	const calls = 5
	if len(ways) == 1 {
		return ways[0]
	}
	pick, least := 0, time.Duration(1<<63-1)
	for i, work := range ways {
		work()
		for range calls {
			if d := timed(1, work); d < least {
				pick, least = i, d
			}
		}
	}
	return ways[pick]
}

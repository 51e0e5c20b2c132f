//go:build !unix

package weights

import "os"

// mapping is a file in memory, read as a whole where the system is not asked to map it.
type mapping struct{ data []byte }

func mapFile(path string) (*mapping, error) {
	data, err := os.ReadFile(path)
	return &mapping{data}, err
}

func (m *mapping) close() error { return nil }

func (m *mapping) release([]byte) error { return nil }

//go:build !(cuda && cgo && linux)

package tandem

import "github.com/tandem-compute/tandem/internal/op"

// openGPU says why this binary has no GPU path.
func openGPU(name string) (op.Backend, []string, error) {
	const reason = "cuda: this binary was built without the tag cuda"
	return nil, []string{reason}, op.Errorf(ErrDevice, "%s: build with -tags cuda, cgo and Linux", reason)
}

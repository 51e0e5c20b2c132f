package cpu

import "github.com/tandem-compute/tandem/internal/op"

// large is the size from which blocks come from the system itself: it takes them back at once, and huge pages spare
// the address translation that large matrices otherwise wait for.
const large = 1 << 20

func (b *Backend) Alloc(size int) (*op.Block, error) {
	if size >= large {
		mem, err := mapMemory(size)
		if err != nil {
			return nil, op.Errorf(op.ErrOutOfMemory, "the system refused %d bytes: %v", size, err)
		}
		return &op.Block{Bytes: mem, Size: size}, nil
	}
	return &op.Block{Bytes: alignedBytes(size), Size: size}, nil
}

func (b *Backend) Free(k *op.Block) error {
	mem := k.Bytes
	k.Bytes = nil
	if k.Size >= large {
		return unmapMemory(mem)
	}
	return nil
}

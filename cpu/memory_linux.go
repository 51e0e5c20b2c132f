package cpu

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func mapMemory(size int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	// Advice only: a kernel without huge pages refuses it and the memory is as good, only slower.
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	return b, nil
}

func unmapMemory(b []byte) error { return unix.Munmap(b) }

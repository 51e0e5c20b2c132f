//go:build unix

package weights

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a file in memory. A file that is cut while it is mapped faults on access, as mapped files do.
type mapping struct{ data []byte }

func mapFile(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, formatErr("not a regular file")
	}
	if info.Size() == 0 {
		return &mapping{}, nil // an empty file cannot be mapped
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &mapping{data}, nil
}

func (m *mapping) close() error {
	if m.data == nil {
		return nil
	}
	data := m.data
	m.data = nil
	return os.NewSyscallError("munmap", unix.Munmap(data))
}

// release lets the pages go that lie wholly within b.
func (m *mapping) release(b []byte) error {
	if len(b) == 0 || m.data == nil {
		return nil
	}
	page := uintptr(os.Getpagesize())
	base := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b))) - base
	to := (from + uintptr(len(b))) / page * page
	if from = (from + page - 1) / page * page; from >= to {
		return nil
	}
	return os.NewSyscallError("madvise", unix.Madvise(m.data[from:to], unix.MADV_DONTNEED))
}

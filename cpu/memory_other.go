//go:build !linux

package cpu

func mapMemory(size int) ([]byte, error) { return alignedBytes(size), nil }

func unmapMemory([]byte) error { return nil }

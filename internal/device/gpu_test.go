//go:build cuda && cgo && linux

package device_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/device"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/sim"
)

// Without a driver the names of GPUs say what was tried, and auto goes on to the CPU.
func TestNoDriver(t *testing.T) {
	if cuda.Status().Err == nil {
		t.Skip("this machine has a driver")
	}
	for _, name := range []string{"cuda", "cuda:0"} {
		_, why, err := device.Open(name, device.Options{})
		require.ErrorIs(t, err, op.ErrDevice)
		require.ErrorIs(t, err, cuda.ErrNoDriver)
		require.Len(t, why, 2)
		require.Contains(t, why[1], "libcuda.so.1")
		require.Contains(t, why[1], "install")
	}
	b, why, err := device.Open("auto", device.Options{})
	require.NoError(t, err)
	require.Equal(t, "cpu", b.Name())
	require.Contains(t, why[1], "libcuda.so.1")
	require.NoError(t, b.Close())
	_, _, err = device.Open("cuda:x", device.Options{})
	require.ErrorIs(t, err, op.ErrDevice)
}

// The simulator is installed by its first user; from then on the process has no other driver.
func TestSimulator(t *testing.T) {
	t.Cleanup(sim.Uninstall)
	b, why, err := device.Open("sim", device.Options{})
	require.NoError(t, err)
	require.Equal(t, "sim", b.Name())
	require.Contains(t, why[1], "sm_80")
	k, err := b.Alloc(100)
	require.NoError(t, err)
	again, _, err := device.Open("sim", device.Options{})
	require.NoError(t, err)
	require.NoError(t, b.Free(k), "a second opening leaves the first alone")
	_, why, err = device.Open("cuda:0", device.Options{})
	require.ErrorIs(t, err, op.ErrDevice)
	require.Contains(t, why[1], "simulator")
	require.NoError(t, again.Close())
	require.NoError(t, b.Close())
}

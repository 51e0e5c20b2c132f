package device_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/device"
	"github.com/tandem-compute/tandem/internal/op"
)

func TestOpenSaysHowItChose(t *testing.T) {
	t.Setenv("TANDEM_DEVICE", "")
	b, why, err := device.Open("", device.Options{Variant: "generic", Threads: 1})
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.Equal(t, "asked for auto by default", why[0])
	require.Greater(t, len(why), 2, "the GPU that was tried, and the device that was chosen")

	t.Setenv("TANDEM_DEVICE", "null")
	b, why, err = device.Open("", device.Options{})
	require.NoError(t, err)
	require.Equal(t, "null", b.Name())
	require.Equal(t, "asked for null by TANDEM_DEVICE", why[0])

	b, why, err = device.Open("cpu", device.Options{Variant: "generic"})
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.Equal(t, "cpu", b.Name())
	require.Equal(t, "asked for cpu by option", why[0])
}

func TestOpenRefusesUnknownNames(t *testing.T) {
	for _, name := range []string{"gpu", "cpu:0", "CUDA:0"} {
		_, _, err := device.Open(name, device.Options{})
		require.ErrorIs(t, err, op.ErrDevice, name)
		require.ErrorContains(t, err, "no device is called")
	}
	_, _, err := device.Open("cpu", device.Options{Variant: "sse9"})
	require.ErrorIs(t, err, op.ErrDevice)
	_, why, err := device.Open("cuda:99", device.Options{})
	require.ErrorIs(t, err, op.ErrDevice)
	require.Equal(t, "asked for cuda:99 by option", why[0])
}

package cuda

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorCarriesCodeAndCall(t *testing.T) {
	err := fmt.Errorf("opening: %w", &Error{Call: "cuMemAlloc", Code: ErrOutOfMemory})
	require.ErrorIs(t, err, ErrOutOfMemory)
	require.NotErrorIs(t, err, ErrNoDevice)
	var call *Error
	require.ErrorAs(t, err, &call)
	require.Equal(t, "cuMemAlloc", call.Call)
	require.EqualError(t, call, "cuda: cuMemAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY)")
}

func TestUnknownCodeStillSpeaks(t *testing.T) {
	err := &Error{Call: "cuLaunchKernel", Code: 12345}
	require.EqualError(t, err, "cuda: cuLaunchKernel: unknown error code (CUresult(12345))")
	require.False(t, errors.Is(err, ErrUnknown))
}

// The values are those of the driver API; cuda.h is where they come from, so these few are written out.
func TestCodes(t *testing.T) {
	for code, name := range map[Code]string{
		0: "CUDA_SUCCESS", 2: "CUDA_ERROR_OUT_OF_MEMORY", 100: "CUDA_ERROR_NO_DEVICE", 201: "CUDA_ERROR_INVALID_CONTEXT",
		700: "CUDA_ERROR_ILLEGAL_ADDRESS", 719: "CUDA_ERROR_LAUNCH_FAILED", 801: "CUDA_ERROR_NOT_SUPPORTED", 999: "CUDA_ERROR_UNKNOWN",
	} {
		require.Equal(t, name, code.Name())
	}
	for code, known := range codes {
		require.NotEmpty(t, known.text, "text of %d", int(code))
	}
}

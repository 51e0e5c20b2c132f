package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Elements of every dtype come and go as bytes.
func TestBytesOfElements(t *testing.T) {
	d := openTest(t)
	r := rng(7)
	for _, dt := range []DType{F64, F32, F16, BF16, I64, I32, I8, U8, Bool} {
		x, err := Empty(d, dt, 3, 5)
		require.NoError(t, err)
		ty := x.Type()
		data := make([]byte, ty.Bytes())
		for i := range data {
			if data[i] = byte(r.Uint32()); dt == Bool {
				data[i] &= 1
			}
		}
		require.NoError(t, WriteBytes(x, data))
		out := make([]byte, len(data))
		require.NoError(t, d.Run(bg, func(s *Scope) error { return ReadBytes(s, x, out) }))
		require.Equal(t, data, out, dt)

		require.ErrorIs(t, WriteBytes(x, data[1:]), ErrShape)
		require.ErrorIs(t, d.Run(bg, func(s *Scope) error { return ReadBytes(s, x, out[1:]) }), ErrShape)
		if dt == Bool {
			data[4] = 2
			require.ErrorIs(t, WriteBytes(x, data), ErrDType)
		}
		require.NoError(t, x.Close())
		require.ErrorIs(t, WriteBytes(x, data), ErrClosed)
		require.ErrorIs(t, d.Run(bg, func(s *Scope) error { return ReadBytes(s, x, out) }), ErrClosed)
	}
	require.ErrorIs(t, WriteBytes(Tensor{}, nil), ErrClosed)
}

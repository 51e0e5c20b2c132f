package isa

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What this machine runs is a row of levels from generic up, each of which its name selects.
func TestLevels(t *testing.T) {
	best, features := Detect()
	levels := Available()
	require.Equal(t, best, levels[len(levels)-1])
	for i, l := range levels {
		require.Equal(t, Level(i), l)
		got, err := Parse(l.String())
		require.NoError(t, err)
		require.Equal(t, l, got)
	}
	if best < AVX512 {
		require.Zero(t, features, "extensions of AVX-512 without it")
	}
}

func TestParseRefuses(t *testing.T) {
	_, err := Parse("sse")
	require.EqualError(t, err, `cpu variant "sse": want one of generic, avx2, avx512`)
	best, _ := Detect()
	for l := best + 1; l < numLevels; l++ {
		_, err := Parse(l.String())
		require.EqualError(t, err, `cpu variant "`+l.String()+`": this machine and build reach `+best.String())
	}
}

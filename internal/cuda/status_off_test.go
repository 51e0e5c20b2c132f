//go:build !(cuda && cgo && linux)

package cuda

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusSaysNotBuilt(t *testing.T) {
	info := Status()
	require.ErrorIs(t, info.Err, ErrNotBuilt)
	require.Empty(t, info.Driver)
}

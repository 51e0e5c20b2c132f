//go:build cuda && cgo && linux

package sim_test

import (
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/sim"
)

func TestMemoryLimit(t *testing.T) {
	open(t, sim.Config{Memory: 1 << 20})
	p, err := cu.MemAlloc(1 << 19)
	require.NoError(t, err)
	_, err = cu.MemAlloc(1<<19 + 1)
	require.ErrorIs(t, cuda.Wrap("cuMemAlloc", err), cuda.ErrOutOfMemory)
	free, total, err := cu.MemInfo()
	require.NoError(t, err)
	require.EqualValues(t, 1<<19, free)
	require.EqualValues(t, 1<<20, total)
	require.NoError(t, cu.MemFree(p))
	_, err = cu.MemAlloc(1 << 20)
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, sim.Stats().Peak)
	_, err = cu.MemAlloc(0)
	require.ErrorIs(t, cuda.Wrap("cuMemAlloc", err), cuda.ErrInvalidValue)
}

func TestCopiesStayInsideTheirAllocation(t *testing.T) {
	open(t, checked())
	p := upload(t, make([]byte, 64))
	host := make([]byte, 128)
	at := unsafe.Pointer(&host[0])
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyHtoD(p, at, 65)), cuda.ErrInvalidValue)
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyDtoH(at, p+1, 64)), cuda.ErrInvalidValue)
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyDtoD(p, p+60, 8)), cuda.ErrInvalidValue)
	require.ErrorIs(t, cuda.Wrap("", cu.MemsetD32(p+2, 1, 1)), cuda.ErrInvalidValue, "misaligned")
	require.NoError(t, cu.MemFree(p))
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyDtoH(at, p, 1)), cuda.ErrInvalidValue, "freed")
	require.ErrorIs(t, cuda.Wrap("", cu.MemFree(p)), cuda.ErrInvalidValue, "freed twice")
	require.NoError(t, cu.MemFree(0))
}

func TestMemset(t *testing.T) {
	open(t, checked())
	p := upload(t, make([]byte, 64))
	require.NoError(t, cu.MemsetD8(p, 0xaa, 64))
	require.NoError(t, cu.MemsetD16(p, 0x1122, 2))
	require.NoError(t, cu.MemsetD32(p+8, 0x33445566, 1))
	require.NoError(t, cu.MemsetD2D8(p+16, 8, 0xff, 2, 3))
	require.ErrorIs(t, cuda.Wrap("", cu.MemsetD2D8(p, 4, 0, 5, 2)), cuda.ErrInvalidValue, "rows overlap")
	got := download[byte](t, p, 40)
	require.Equal(t, []byte{0x22, 0x11, 0x22, 0x11, 0xaa}, got[:5])
	require.Equal(t, []byte{0x66, 0x55, 0x44, 0x33, 0xaa}, got[8:13])
	for i := 16; i < 40; i++ {
		want := byte(0xaa)
		if i%8 < 2 {
			want = 0xff
		}
		require.Equal(t, want, got[i], "byte %d", i)
	}
}

func TestAddressRange(t *testing.T) {
	open(t, checked())
	p := upload(t, make([]byte, 1000))
	size, base, err := (p + 999).AddressRange()
	require.NoError(t, err)
	require.EqualValues(t, 1000, size)
	require.Equal(t, p, base)
	_, _, err = (p + 1000).AddressRange()
	require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrNotFound)
}

func TestPinnedMemory(t *testing.T) {
	ctx := open(t, checked())
	host, err := cuda.AllocHost(64)
	require.NoError(t, err)
	require.EqualValues(t, 64, sim.Stats().HostLive)
	bytes := unsafe.Slice((*byte)(host), 64)
	bytes[63] = 7
	p := upload(t, make([]byte, 64))
	require.NoError(t, cu.Memcpy(p, cu.DevicePtr(uintptr(host)), 64), "the address says which side is the host")
	require.Equal(t, byte(7), download[byte](t, p, 64)[63])
	require.NoError(t, cuda.FreeHost(host))
	require.ErrorIs(t, cuda.FreeHost(host), cuda.ErrInvalidValue)

	_, err = cuda.AllocHost(64)
	require.NoError(t, err)
	require.NoError(t, ctx.Destroy())
	require.Zero(t, sim.Stats().HostLive, "a context takes its memory along")
	require.Zero(t, sim.Stats().Live)
}

func TestAllocAsync(t *testing.T) {
	open(t, checked())
	s, err := cu.MakeStream(cu.NonBlocking)
	require.NoError(t, err)
	p, err := cuda.AllocAsync(256, s)
	require.NoError(t, err)
	require.NoError(t, cuda.FreeAsync(p, s))
	require.NoError(t, s.Synchronize())
	require.Zero(t, sim.Stats().Live)
}

func TestPeerCopies(t *testing.T) {
	first := open(t, sim.Config{Devices: 2})
	src := upload(t, []byte{1, 2, 3, 4})
	second := openContext(t, 1)
	dst := upload(t, make([]byte, 4))
	can, err := cu.Device(0).CanAccessPeer(1)
	require.NoError(t, err)
	require.Equal(t, 1, can)
	require.NoError(t, first.EnablePeerAccess(0))
	require.ErrorIs(t, cuda.Wrap("", first.EnablePeerAccess(0)), cuda.ErrPeerAccessAlreadyEnabled)
	require.NoError(t, cu.MemcpyPeer(dst, second, src, first, 4))
	require.Equal(t, []byte{1, 2, 3, 4}, download[byte](t, dst, 4))
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyPeer(dst, first, src, second, 4)), cuda.ErrInvalidValue, "the wrong way round")
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyPeer(dst, first, src, first, 4)), cuda.ErrInvalidValue, "the wrong destination")
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyPeer(dst, second, src, second, 4)), cuda.ErrInvalidValue, "the wrong source")
}

// A context is current on a thread, not in a goroutine or a process.
func TestContextsAreCurrentPerThread(t *testing.T) {
	ctx := open(t, checked())
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		_, err := cu.MemAlloc(64)
		require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrInvalidContext)
		require.NoError(t, cu.SetCurrentContext(ctx))
		_, err = cu.MemAlloc(64)
		require.NoError(t, err)
	})
	wg.Wait()
	require.NoError(t, cu.PushCurrentCtx(ctx))
	popped, err := cu.PopCurrentCtx()
	require.NoError(t, err)
	require.Equal(t, ctx, popped)

	stale := ctx
	require.NoError(t, ctx.Destroy())
	require.ErrorIs(t, cuda.Wrap("", cu.SetCurrentContext(stale)), cuda.ErrInvalidContext)
}

func TestPrimaryContext(t *testing.T) {
	require.NoError(t, sim.Install(checked()))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d := cu.Device(0)
	one, err := d.RetainPrimaryCtx()
	require.NoError(t, err)
	two, err := d.RetainPrimaryCtx()
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.NoError(t, cu.SetCurrentContext(one))
	upload(t, make([]byte, 64))
	require.NoError(t, d.ReleasePrimaryCtx())
	require.EqualValues(t, 64, sim.Stats().Live)
	require.NoError(t, d.ReleasePrimaryCtx())
	require.Zero(t, sim.Stats().Live)
	require.ErrorIs(t, cuda.Wrap("", cu.Synchronize()), cuda.ErrContextIsDestroyed)
	require.ErrorIs(t, cuda.Wrap("", d.ReleasePrimaryCtx()), cuda.ErrInvalidContext)
}

func TestContextTakesItsHandlesAlong(t *testing.T) {
	ctx := open(t, checked())
	s, f := newStream(t), kernel(t, "trap")
	require.NoError(t, ctx.Destroy())
	openContext(t, 0)
	require.ErrorIs(t, cuda.Wrap("", s.Synchronize()), cuda.ErrInvalidHandle)
	require.ErrorIs(t, cuda.Launch(f, line(1, 1), cu.NoStream, nil), cuda.ErrInvalidHandle)
}

// Handles of an earlier simulator are dead, not dangling.
func TestInstallStartsAfresh(t *testing.T) {
	open(t, checked())
	p, f := upload(t, make([]byte, 64)), kernel(t, "trap")
	require.NoError(t, sim.Install(checked()))
	require.ErrorIs(t, cuda.Wrap("", cu.MemFree(p)), cuda.ErrContextIsDestroyed)
	openContext(t, 0)
	require.ErrorIs(t, cuda.Launch(f, line(1, 1), cu.NoStream, nil), cuda.ErrInvalidHandle)
	require.ErrorIs(t, cuda.Wrap("", cu.MemFree(p)), cuda.ErrInvalidValue)
}

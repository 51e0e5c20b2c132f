// Package ceiling measures what a machine can do at most: floating-point operations that never leave the registers,
// and bytes that never stay in a cache. Figures are the best of several tries, since noise only ever subtracts.
package ceiling

import (
	"runtime"
	"sync"
	"time"
)

// Generic names the plain-Go loops, which do not reach what the hardware can do.
const Generic = "generic"

// loops are the measuring loops of one instruction set. f32 and f64 do n rounds of independent FMAs, of
// flopsPerRound flops each; read loads every byte of its argument.
type loops struct {
	variant                  string
	f32, f64                 func(n int)
	f32PerRound, f64PerRound float64
	read                     func(p []uint64)
}

// Variant names the instruction set whose loops run here.
func Variant() string { return best.variant }

const (
	// patience is how long tries go on without a better one before the best is believed.
	patience = 300 * time.Millisecond
	// improvement is the part, one in so many, by which a try must be better to count as such.
	improvement = 100
	// flopsRounds makes a try a few milliseconds long, well over what starting the threads takes.
	flopsRounds = 1 << 20
)

// FlopsF32 is the peak of n threads in flops per second.
func FlopsF32(threads int) float64 { return flops(threads, best.f32, best.f32PerRound) }

// FlopsF64 is FlopsF32 for doubles.
func FlopsF64(threads int) float64 { return flops(threads, best.f64, best.f64PerRound) }

func flops(threads int, loop func(n int), perRound float64) float64 {
	elapsed := fastest(threads, func(int) { loop(flopsRounds) })
	return perRound * flopsRounds * float64(threads) / elapsed.Seconds()
}

// words make the 512 MiB that a Memory holds, beyond any last-level cache but the largest servers'.
const words = 1 << 26

// Memory is what the bandwidth loops run over.
type Memory struct{ buf []uint64 }

// NewMemory allocates and touches the memory.
func NewMemory() *Memory {
	m := &Memory{buf: make([]uint64, words)}
	for i := range m.buf {
		m.buf[i] = uint64(i)
	}
	return m
}

// Read is the bandwidth of n threads that read, each its own part, in bytes per second.
func (m *Memory) Read(threads int) float64 {
	elapsed := fastest(threads, func(i int) { best.read(part(m.buf, i, threads)) })
	return 8 * words / elapsed.Seconds()
}

// Copy is the bandwidth of n threads that copy one half onto the other, in bytes read plus bytes written per second.
func (m *Memory) Copy(threads int) float64 {
	dst, src := m.buf[:words/2], m.buf[words/2:]
	elapsed := fastest(threads, func(i int) { copy(part(dst, i, threads), part(src, i, threads)) })
	return 8 * words / elapsed.Seconds()
}

// part is the i-th of n nearly equal parts of x.
func part(x []uint64, i, n int) []uint64 { return x[i*len(x)/n : (i+1)*len(x)/n] }

// fastest runs work on every thread at once and takes the time from the common start to the last one's end. It tries
// until the least time has stood for a while: a neighbour on the same cores spoils several tries in a row.
func fastest(threads int, work func(thread int)) time.Duration {
	least := together(threads, work)
	for found := time.Now(); time.Since(found) < patience; {
		d := together(threads, work)
		if d < least-least/improvement {
			found = time.Now()
		}
		least = min(least, d)
	}
	return least
}

// together runs work once on every thread.
func together(threads int, work func(thread int)) time.Duration {
	var ready, done sync.WaitGroup
	ready.Add(threads)
	start := make(chan struct{})
	for i := range threads {
		done.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
			ready.Done()
			<-start
			work(i)
		})
	}
	ready.Wait()
	begin := time.Now()
	close(start)
	done.Wait()
	return time.Since(begin)
}

// genericChains are the scalar chains of the generic loops, apart so that they overlap. A compiler may fuse them or not.
const genericChains = 4

func f32Generic(n int) {
	a, b, c, d := float32(1), float32(2), float32(3), float32(4)
	x, y := float32(0.5), float32(0.25)
	for range n {
		a = a*x + y
		b = b*x + y
		c = c*x + y
		d = d*x + y
	}
	runtime.KeepAlive(a + b + c + d)
}

func f64Generic(n int) {
	a, b, c, d := 1.0, 2.0, 3.0, 4.0
	x, y := 0.5, 0.25
	for range n {
		a = a*x + y
		b = b*x + y
		c = c*x + y
		d = d*x + y
	}
	runtime.KeepAlive(a + b + c + d)
}

func readGeneric(p []uint64) {
	var a, b, c, d uint64
	for ; len(p) >= 8; p = p[8:] {
		a |= p[0] | p[4]
		b |= p[1] | p[5]
		c |= p[2] | p[6]
		d |= p[3] | p[7]
	}
	for _, v := range p {
		a |= v
	}
	runtime.KeepAlive(a | b | c | d)
}

var generic = loops{
	variant: Generic,
	f32:     f32Generic, f32PerRound: 2 * genericChains,
	f64: f64Generic, f64PerRound: 2 * genericChains,
	read: readGeneric,
}

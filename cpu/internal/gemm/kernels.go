package gemm

import "unsafe"

// tile is what a tile kernel works on: panels of rows of A times one strip of B. The assembly knows the offsets.
type tile struct {
	a      unsafe.Pointer // the first row, or the first packed panel
	lda    int            // bytes between rows of A; packed kernels do not use it
	b      unsafe.Pointer // the first row of the strip
	ldb    int            // bytes between rows of B
	c      unsafe.Pointer
	ldc    int // bytes
	k      int
	panels int // counted down by the kernel
	cols   int // columns of the strip that exist
	load   int // 0: the sums begin with 0, else with beta C
	beta   uint64
	next   unsafe.Pointer // what will be read next: prefetched
	strip  int            // bytes between strips of packed weights
}

// packing is what a packer works on: k groups of n elements side by side.
type packing struct {
	src    unsafe.Pointer
	ld     int // bytes between lines of the source
	dst    unsafe.Pointer
	stride int // bytes between groups
	k, n   int
	alpha  uint64
}

// streaming is what a stream kernel works on: C[rows][n] += A[rows][8] * B[8][n].
type streaming struct {
	a   unsafe.Pointer // contiguous
	b   unsafe.Pointer
	ldb int // bytes
	c   unsafe.Pointer
	ldc int // bytes
	n   int
}

// dotting is what a dot kernel works on: rows of A times n lines of B, all contiguous along k.
type dotting struct {
	a    unsafe.Pointer
	lda  int // bytes
	b    unsafe.Pointer
	ldb  int // bytes
	k    int // halves: at least the vector length
	n    int
	sums unsafe.Pointer // of each group: [rows][dotWidth]

	groups int // of dotWidth lines; the last may have fewer
}

// outering is what an outer kernel works on: C[rows][cols] (+)= A[rows][k] * B[k][cols] for one small k.
type outering struct {
	a          unsafe.Pointer
	aRow, aCol int // bytes
	b          unsafe.Pointer
	ldb        int // bytes
	c          unsafe.Pointer
	ldc        int // bytes
	rows, cols int // rows is counted down by the kernel
	load       int // 0: the sums begin with 0, else with C
}

const (
	streamRows = 8 // the most rows of a stream kernel
	streamK    = 8 // rows of B that it reads side by side
	dotRows    = 4 // the most rows of a dot kernel
	weightRows = 4 // the most rows of a kernel for packed weights
	fewRows    = 6 // the most rows of a kernel that reads B where it lies, vector by vector
	outerK     = 8 // the most products of an outer kernel
)

// kernels is the table of one element type at one level.
//
// All kernels but the dots add one product after the other in k order to an element's sum, so that an element's bits
// depend neither on the kernel nor on how k is cut into blocks.
type kernels struct {
	size       int // bytes of an element
	mr, nr     int // largest tile
	interleave int // elements side by side in a packed panel of A, mr or more
	lanes      int // of the vectors of packers and dots
	mc, kc, nc int // cache blocks

	packed, strided [2][]func(*tile)                      // [half a strip, whole strip][rows]
	copies          [numTypes][2]func(*packing)           // elements of a group side by side in the source: up to lanes, up to 2 lanes
	transposes      [numTypes]func(*packing)              // elements of a group in up to 8 lines
	weights         [numTypes][weightRows + 1]func(*tile) // whole strips of packed weights, by rows; see weightStrips
	streams         [streamRows + 1]func(*streaming)
	dots            [numTypes][dotRows + 1]func(*dotting)
	few             [fewRows + 1][]func(*tile) // by rows and vectors of lanes elements: chunks of the most vectors, or the last one
	outers          [outerK + 1]func(*outering)
}

// weightStrips is how many strips of packed weights a kernel takes for a number of rows: as many sums as hide the FMA's
// latency.
var weightStrips = [weightRows + 1]int{1: 4, 2: 2, 3: 2, 4: 1}

// dotWidth is how many lines of B a dot kernel takes for a number of rows.
var dotWidth = [dotRows + 1]int{1: 8, 2: 4, 3: 4, 4: 2}

// form returns the kernels for the columns of a strip, by rows. Those for half a strip may be taller.
func (ks *kernels) form(packed bool, cols int) []func(*tile) {
	form := &ks.strided
	if packed {
		form = &ks.packed
	}
	if cols <= ks.nr/2 {
		return form[0]
	}
	return form[1]
}

// panels are how rows are cut: into tall panels of height+1 rows, then flat ones of height rows.
type panels struct{ height, tall, flat int }

// cutPanels cuts m rows into the fewest panels of at most limit rows, of nearly equal height.
func cutPanels(m, limit int) panels {
	n := (m + limit - 1) / limit
	return panels{m / n, m % n, n - m%n}
}

func (p panels) count() int { return p.tall + p.flat }

// multiply runs the kernels over all panels with the tile's B. Rows of A begin at a: packed panels of panelBytes each
// or, if that is 0, t.lda apart; rows of C begin at c.
func (t *tile) multiply(form []func(*tile), p panels, a unsafe.Pointer, panelBytes int, c unsafe.Pointer) {
	if p.tall > 0 {
		t.a, t.c, t.panels = a, c, p.tall
		form[p.height+1](t)
	}
	if p.flat > 0 {
		step := panelBytes
		if step == 0 {
			step = (p.height + 1) * t.lda
		}
		t.a, t.c, t.panels = unsafe.Add(a, p.tall*step), unsafe.Add(c, p.tall*(p.height+1)*t.ldc), p.flat
		form[p.height](t)
	}
}

// panelBytes is the size of a packed panel of A.
func (ks *kernels) panelBytes(k int) int { return ks.interleave * k * ks.size }

// splitK cuts k into the fewest blocks of at most kc, all but the last of one length that is a multiple of 8.
func (ks *kernels) splitK(k int) (block int) {
	if k <= ks.kc {
		return max(k, 1)
	}
	n := (k + ks.kc - 1) / ks.kc
	return ((k+n-1)/n + 7) &^ 7
}

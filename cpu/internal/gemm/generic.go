package gemm

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
)

// The kernels in plain Go: they define what the others compute, up to the rounding of each product that an FMA saves.

const (
	genericRows = 4
	genericCols = 4
)

func genericKernels[T float32 | float64]() kernels {
	ks := kernels{
		size: int(unsafe.Sizeof(*new(T))), mr: genericRows, nr: genericCols, interleave: genericRows, lanes: 1,
		mc: 128, kc: 256, nc: 2048,
	}
	for half := range 2 {
		ks.packed[half] = make([]func(*tile), genericRows+1)
		ks.strided[half] = make([]func(*tile), genericRows+1)
		for rows := 1; rows <= genericRows; rows++ {
			ks.packed[half][rows] = func(t *tile) {
				genericTile[T](t, rows, ks.size, genericRows*ks.size, t.k*genericRows*ks.size)
			}
			ks.strided[half][rows] = func(t *tile) { genericTile[T](t, rows, t.lda, ks.size, rows*t.lda) }
		}
	}
	return ks
}

// genericTile reads A at distances of rowStep bytes between rows, kStep between columns and panelStep between panels.
func genericTile[T float32 | float64](t *tile, rows, rowStep, kStep, panelStep int) {
	a, c := t.a, t.c
	for p := t.panels; ; {
		i := 0
		for ; i+2 <= rows; i += 2 {
			sumTwoRows[T](t, unsafe.Add(a, i*rowStep), rowStep, kStep, unsafe.Add(c, i*t.ldc))
		}
		if i < rows {
			sumRow[T](t, unsafe.Add(a, i*rowStep), kStep, unsafe.Add(c, i*t.ldc))
		}
		if p--; p == 0 {
			return
		}
		a = unsafe.Add(a, panelStep)
		c = unsafe.Add(c, rows*t.ldc)
	}
}

func sumTwoRows[T float32 | float64](t *tile, a unsafe.Pointer, rowStep, kStep int, c unsafe.Pointer) {
	s, u := startRow[T](t, c), startRow[T](t, unsafe.Add(c, t.ldc))
	s0, s1, s2, s3, u0, u1, u2, u3 := s[0], s[1], s[2], s[3], u[0], u[1], u[2], u[3]
	at, bt := 0, 0
	for range t.k {
		b := (*[genericCols]T)(unsafe.Add(t.b, bt))
		x, y := *(*T)(unsafe.Add(a, at)), *(*T)(unsafe.Add(a, at+rowStep))
		s0 += T(x * b[0])
		s1 += T(x * b[1])
		s2 += T(x * b[2])
		s3 += T(x * b[3])
		u0 += T(y * b[0])
		u1 += T(y * b[1])
		u2 += T(y * b[2])
		u3 += T(y * b[3])
		at += kStep
		bt += t.ldb
	}
	copy(floats[T](c, t.cols), []T{s0, s1, s2, s3})
	copy(floats[T](unsafe.Add(c, t.ldc), t.cols), []T{u0, u1, u2, u3})
}

func sumRow[T float32 | float64](t *tile, a unsafe.Pointer, kStep int, c unsafe.Pointer) {
	s := startRow[T](t, c)
	at, bt := 0, 0
	for range t.k {
		x := *(*T)(unsafe.Add(a, at))
		b := (*[genericCols]T)(unsafe.Add(t.b, bt))
		for j := range s {
			s[j] += T(x * b[j])
		}
		at += kStep
		bt += t.ldb
	}
	copy(floats[T](c, t.cols), s[:])
}

// startRow is what the sums of a row of C begin with.
func startRow[T float32 | float64](t *tile, c unsafe.Pointer) (s [genericCols]T) {
	if t.load != 0 {
		beta := *(*T)(unsafe.Pointer(&t.beta))
		for j, x := range floats[T](c, t.cols) {
			s[j] = beta * x
		}
	}
	return s
}

// packGeneric packs with any strides: element k, n of the source is kStep k + nStep n bytes after p.src.
func packGeneric(p *packing, t Type, kStep, nStep int) {
	switch t {
	case F32:
		packWith(p, kStep, nStep, 4, func(x unsafe.Pointer) float32 { return *(*float32)(x) })
	case F64:
		packWith(p, kStep, nStep, 8, func(x unsafe.Pointer) float64 { return *(*float64)(x) })
	case F16:
		packWith(p, kStep, nStep, 4, func(x unsafe.Pointer) float32 { return vec.F16ToF32(*(*uint16)(x)) })
	case BF16:
		packWith(p, kStep, nStep, 4, func(x unsafe.Pointer) float32 { return vec.BF16ToF32(*(*uint16)(x)) })
	}
}

func packWith[T float32 | float64](p *packing, kStep, nStep, size int, load func(unsafe.Pointer) T) {
	alpha := *(*T)(unsafe.Pointer(&p.alpha))
	for k := range p.k {
		for n := range p.n {
			*(*T)(unsafe.Add(p.dst, k*p.stride+n*size)) = alpha * load(unsafe.Add(p.src, k*kStep+n*nStep))
		}
	}
}

package vec

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

func TestTranspose(t *testing.T) {
	for variant, f := range variants() {
		for _, size := range [][2]int{{0, 3}, {1, 1}, {3, 5}, {8, 8}, {8, 9}, {15, 16}, {16, 24}, {17, 33}, {40, 7}, {64, 65}} {
			rows, cols := size[0], size[1]
			srcStride, dstStride := cols+3, rows+2
			src, dst := make([]uint32, rows*srcStride+8), make([]uint32, cols*dstStride+8)
			for i := range src {
				src[i] = uint32(i + 1)
			}
			f.Transpose32(dst, dstStride, src, srcStride, rows, cols)
			for i, x := range dst {
				want := uint32(0)
				if c, r := i/dstStride, i%dstStride; c < cols && r < rows {
					want = src[r*srcStride+c]
				}
				require.Equal(t, want, x, "%s, %dx%d, element %d", variant, rows, cols, i)
			}
		}
	}
	for _, n := range []int{1, 7, 19} {
		src, dst := make([]uint8, n*n), make([]uint8, n*n)
		for i := range src {
			src[i] = uint8(i)
		}
		Transpose(dst, n, src, n, n, n)
		for i := range dst {
			require.Equal(t, src[i%n*n+i/n], dst[i])
		}
	}
}

func TestGatherScatterFill(t *testing.T) {
	src := []int32{1, 2, 3, 4, 5, 6, 7}
	dst := make([]int32, 3)
	Gather(dst, src, 3)
	require.Equal(t, []int32{1, 4, 7}, dst)
	Scatter(src, dst, 2)
	require.Equal(t, []int32{1, 2, 4, 4, 7, 6, 7}, src)
	Fill(src, 9)
	require.Equal(t, slices.Repeat([]int32{9}, 7), src)
}

// TestInPlace: an output may be an input. Every function that writes a slice is called once apart and once upon each of its inputs.
func TestInPlace(t *testing.T) {
	for variant, f := range variants() {
		t.Run(variant, func(t *testing.T) {
			r := source(t)
			v := reflect.ValueOf(&f.F32).Elem()
			for i := range v.NumField() {
				field := v.Type().Field(i)
				typ := field.Type
				if !field.IsExported() || typ.NumIn() < 2 || typ.In(1).Kind() != reflect.Slice || typ.In(0) != typ.In(1) || typ.NumOut() > 0 || field.Name == "WeightGrad" {
					continue
				}
				outs := 1
				if slices.Contains([]string{"SiluMulGrad", "SiluMulClampGrad", "ExpScaledMulS"}, field.Name) {
					outs = 2
				}
				for in := outs; in < typ.NumIn() && typ.In(in).Kind() == reflect.Slice; in++ {
					var apart, upon []reflect.Value
					for j := range typ.NumIn() {
						if typ.In(j).Kind() == reflect.Slice {
							x := gauss(r, 333)
							For(isa.Generic).F32.Abs(x, x) // NaN would not equal itself
							apart, upon = append(apart, reflect.ValueOf(x)), append(upon, reflect.ValueOf(slices.Clone(x)))
						} else {
							s := reflect.ValueOf(float32(r.NormFloat64()))
							apart, upon = append(apart, s), append(upon, s)
						}
					}
					upon[0] = upon[in]
					v.Field(i).Call(apart)
					v.Field(i).Call(upon)
					require.Equal(t, apart[0].Interface(), upon[0].Interface(), "%s upon input %d", field.Name, in)
				}
			}
		})
	}
}

// TestStreamingIsStreaming: the table differs from the ordinary one only where it says so.
func TestStreamingIsStreaming(t *testing.T) {
	best, _ := isa.Detect()
	same := reflect.ValueOf(For(best).F32.Gelu).Pointer() == reflect.ValueOf(Streaming(best).F32.Gelu).Pointer()
	require.Equal(t, best == isa.Generic, same)
	require.Equal(t, reflect.ValueOf(For(best).F32.Sum).Pointer(), reflect.ValueOf(Streaming(best).F32.Sum).Pointer())
}

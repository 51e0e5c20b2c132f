// Package kernels holds the CUDA kernels: sources in *.cu, one file per family, and what clang 19 makes of them in ptx/*.ptx,
// which is committed and embedded. PTX returns a family's module as text; the driver compiles it when it is loaded. `make
// kernels` rebuilds the PTX to the same bytes, `make ptxas` assembles it and rewrites LEDGER.md.
//
// The header of every source tells the kernel's story and the limit it should hit. math.cuh defines the transcendental
// functions of both paths.
//
// # Calling
//
// Kernels take pointers (u64) and scalars, each at most 8 bytes; the tables give them in order. A type in braces stands for one
// of several names: T is f32, f64, f16 or bf16 unless said otherwise, h stands for f32, f16 and bf16. C(T) is the type that T is
// computed in: f64 for f64, f32 for f32, f16 and bf16, i32 for i8 and u8, else T. Pointers are aligned to their element; wider accesses
// are taken when the addresses allow them, with the same results. Outputs may be an input of the same shape where the op allows
// it, except for transpose and matrix products. Sizes of 0 rows or columns must not be launched; k = 0 may.
//
// "flat" is a grid of ceil(n/1024) blocks of 256 threads along x, capped at some 8 blocks per multiprocessor: loops stride over
// the grid, so any size from 1 is right. Codes of functions are those of internal/op: BinaryFn, UnaryFn, ReduceFn.
//
// # elementwise
//
//	add_T sub_T mul_T div_T min_T max_T   out a b  n u64                                     flat; contiguous, one shape
//	add_scalar_T ... max_scalar_T         out x  n u64  value C(T)  flip u32                 flat; flip: op(value, x)
//	add_scaled_T                          out a b s  n u64  sign f32                         flat; a + (sign s[0]) b
//	binary_rows_T                         out a b  rows u32  cols u32  a_row a_col b_row b_col i64  op u32
//	                                      grid (ceil(cols/256), min(rows, 65535)), block 256; out contiguous, strides in elements
//	binary_strided_T                      out a b  n u32  layout  op u32                     flat, n < 2^31
//	scalar_strided_T                      out x  n u32  layout  value C(T)  op u32  flip u32 flat, n < 2^31
//
// binary_* and scalar_strided_* exist for i64, i32, i8 and u8 too, and have all operators: pow for f32, f16 and bf16, the bitwise
// ones and shifts for integers. A bool is a u8; its complement is xor with 1.
//
// layout is a device pointer, or 0 when every operand is contiguous, to 176 bytes, little endian:
//
//	u32 rank; u32 size[6]; u32 0; i64 stride[3][6]
//
// with stride[0] of the output, stride[1] and stride[2] of the inputs, in elements, 0 for a broadcast axis. Axis 5 is the
// innermost; the first 6 - rank entries are not read. rank is at least 1. Fewer axes are faster: merge what can be merged.
//
// # unary
//
//	neg_h abs_h sign_h square_h sqrt_h rsqrt_h reciprocal_h floor_h ceil_h round_h trunc_h exp_h exp2_h expm1_h log_h log2_h
//	log1p_h sin_h cos_h tanh_h erf_h sigmoid_h relu_h silu_h gelu_h gelutanh_h softplus_h
//	                                      out x  n u64                                       flat; contiguous
//	unary_strided_T                       out x  n u32  layout  fn u32                       flat, n < 2^31; also i64 i32 i8 u8
//	unary_grad_h                          dx v dy  n u64  fn u32                             flat; v as UnaryFn.FromOutput says
//
// f64 has the functions from neg to trunc and relu, integers have neg, abs, sign, square, relu and not.
//
// # convert
//
//	fill_b8 fill_b16 fill_b32 fill_b64    out  n u64  value (u8, u16, u32, u64)              flat
//	copy_strided_b8 ... _b64              out x  n u32  layout                               flat, n < 2^31
//	transpose_b8 ... _b64                 out x  rows u32  cols u32  out_row x_row out_batch x_batch u64
//	                                      grid (ceil(cols/32), ceil(rows/32), batch), block (32, 8); x is [rows, cols]
//	cast_A_B                              out x  n u64      flat; A, B from f64 f32 f16 bf16 i64 i32 i8 u8 bool, A = B too
//
//	iota_T                                out  n u64  start step f64                         flat; also i64 i32 i8 u8
//
// # select
//
//	compare_strided_T                     out a b  n u32  layout  relation u32               flat, n < 2^31; out u8, relation a CompareFn
//	where_strided_b8 ... _b64             out cond a b  n u32  layout                        flat, n < 2^31; cond u8
//	clamp_T                               out x  n u64  low high C(T)                        flat; contiguous
//
// compare and clamp for i64, i32, i8 and u8 too. The layout of where has four operands, 224 bytes: u32 rank; u32 size[6]; u32 0;
// i64 stride[4][6], of out, cond, a and b.
//
// # fused
//
//	swiglu_h                              out gate up  n u64  limit f32                      flat
//	swiglu_grad_h                         dgate dup gate up dy  n u64  limit f32             flat
//	bias_act_h                            out x bias  rows u32  cols u32  activation u32     grid (ceil(cols/256), min(rows, 65535))
//	dot_T dot_warp_T                      out a b  rows u64  n u32                           row grids; _warp for n <= 1024
//
// # gemm, gemm_mma, gemm_skinny
//
// out = activation(alpha A B + bias) + beta C. All of them take
//
//	out a b c bias  m n k lda ldb ldc ldo u32  stride_a stride_b stride_c stride_out u64  alpha beta f32  activation u32
//
// c and bias may be 0. Rows are ld elements apart, batches stride elements apart (0 shares an operand). activation is a UnaryFn
// (relu, sigmoid, tanh, silu, gelu, gelutanh; f64 has relu alone), or 255 for none. The layout is nn, nt, tn or tt: n is A [m, k]
// or B [k, n] as written, t transposed.
//
//	gemm128_{nn,nt,tn,tt}_f32             grid (ceil(n/128), ceil(m/128), batch), block 256
//	gemm64_{nn,nt,tn,tt}_T                grid (ceil(n/64), ceil(m/64), batch), block 256
//	gemm_mma_{nn,nt,tn,tt}_{f16,bf16}     grid (ceil(n/128), ceil(m/128), batch), block 256
//	gemm_skinny_{nn,nt}_h                 grid (ceil(n/32), 1, batch), block 128; m <= 8
//
// gemm_mma and gemm_skinny need a, b and the bytes of lda, ldb, stride_a and stride_b to be multiples of 16. f32 results have the
// same bits in gemm128, gemm64 and gemm_skinny.
//
// # norm
//
//	rmsnorm_T rmsnorm_warp_T              out x w  rows u64  n u32  eps f32  offset f32
//	rmsnorm_grad_T rmsnorm_grad_warp_T    dx scale x w dy  rows u64  n u32  eps f32  offset f32       scale: C(T) [rows], written
//	rmsnorm_grad_parts_T                  parts x dy scale  rows u64  n u32   grid (ceil(n/256), ceil(rows/64)), block 256
//	layernorm_T layernorm_warp_T          out x w b  rows u64  n u32  period u64  eps f32  offset f32
//	layernorm_grad_T layernorm_grad_warp_T   dx stats x w dy  rows u64  n u32  eps f32                stats: C(T) [rows, 2], written
//	layernorm_grad_parts_T                parts_w parts_b x dy stats  rows u64  n u32   grid as rmsnorm_grad_parts
//	norm_sum_parts_T                      dw parts  count u32  n u32          grid ceil(n/256), block 256; count = ceil(rows/64)
//
// parts is C(T) [count, n]. Row kernels have blocks of 256 threads: grid rows, or ceil(rows/8) for _warp, to be taken for
// n <= 1024 (the two differ in the order of their sums, so the choice depends on n alone). layernorm: w and b are both given or
// both 0; row r takes their row r / period: period = rows and offset 0 for an affine norm, offset 1 and the rows per batch or 1
// for a modulated one (w is scale, b is shift).
//
// # softmax
//
//	softmax_warp_h softmax_block_h softmax_long_h log_softmax_...     out x  rows u64  n u32  scale f32
//	softmax_grad_warp_h softmax_grad_h log_softmax_grad_...           dx y dy  rows u64  n u32  scale f32
//
// Grids as for norm; _warp for n <= 512, _block for n <= 4096, _long above (which has the bits of _block). Gradients: _warp for
// n <= 512, the other above.
//
//	cross_entropy_h                       loss lse x target  n u32            grid rows, block 256; loss, lse f32, target i32
//	cross_entropy_grad_h                  dx x target lse dloss  n u32        grid rows, block 256
//
// # divergence
//
//	entropy_h                             out x  n u32                        grid rows, block 256
//	entropy_grad_h                        dx x dy  n u32                      grid rows, block 256; dy [rows]
//	kl_h                                  out a b  n u32                      grid rows, block 256
//	kl_grad_h                             da db a b dy  n u32                 grid rows, block 256; outputs must not be inputs
//
// # reduce
//
//	reduce_rows_T reduce_rows_warp_T      out x  rows u64  n u32  fn u32                     row grids; _warp for n <= 1024
//	reduce_parts_T                        parts x  n u64  fn u32              grid (count, rows), block 256; count = ceil(n/16384)
//	reduce_rows_finish_T                  out parts  rows u64  count u32  n u64  fn u32      grid rows, block 256
//	reduce_columns_T                      out x  n u64  inner u32  fn u32     grid (ceil(inner/256), 1, outer), block 256
//	reduce_columns_parts_T                parts x  n u64  inner u32  fn u32   grid (ceil(inner/256), count, outer); count = ceil(n/64)
//	reduce_columns_finish_T               out parts  count u32  inner u32  n u64  fn u32     grid (ceil(inner/256), 1, outer)
//	logsumexp_h logsumexp_warp_h          out x  rows u64  n u32                             row grids; _warp for n <= 1024
//	argmax_T argmin_T                     out x  rows u64  n u32              grid rows, block 256; out i32
//
// The kernels with T exist for i64, i32, i8 and u8 too. fn is a ReduceFn, but not logsumexp, all and any: all is min and any max
// of bytes. Columns reduce the middle axis of [outer, n, inner]. Rows of more than 16384 elements, and columns of more than some
// 512, go through parts, C(T) [rows, count] or [outer, count, inner], and a finish. Other axes are permuted to the end first. n >= 1.
//
// # scan
//
//	cumsum_rows_T                         out x  n u32  reverse u32  exclusive u32           grid rows, block 256
//	cumsum_columns_T                      out x  n u32  inner u32  reverse u32  exclusive u32   grid (ceil(inner/256), 1, outer)
//
// for i64, i32, i8 and u8 too. out may be x.
//
// # index
//
//	gather_rows_b8 ... _b64               out table index  count u64  width u64  rows u32    32 threads per row of out, block 256
//	scatter_rows_b8 ... _b64              out x index  count u64  width u64  rows u32        likewise per row of x
//	scatter_sum_T                         out x index  count u32  width u32   grid (rows of out, ceil(width/1024)), block 256
//
// index is i32. An index outside 0..rows-1 gathers zeros and scatters nothing. scatter_sum writes every row of out.
//
// # segment
//
//	segment_T                             out x offsets  groups n inner u32  fn u32  sample u32      out [groups, inner]
//	segment_grad_T                        dx x y offsets dy  groups n inner u32  fn u32  sample u32
//	segment_softmax_h                     out x offsets  groups n inner u32
//	segment_softmax_grad_T                dx y offsets dy  groups n inner u32
//	segment_expand_b8 ... _b64            out v offsets  groups n inner u32
//
// x is [n, inner], offsets i32 [groups + 1], fn a SegmentFn. Grid ceil(groups inner / 256), block 256: all groups are covered, no
// loop. Rows in no group are not written: clear outputs of n rows first.
//
// # rope
//
//	rope_T                                out x positions frequencies factors  period u32  heads d width u32
//	                                      interleaved u32  inverse u32  x_token x_head out_token out_head u64
//
// Grid tokens, block 256. positions i32 [period]: token i has positions[i % period]. frequencies f64 [width/2], theta^(-2i/width)
// with the op's scaling, made by the host; factors f32 [width/2] or 0. width <= 1024. Strides count elements; d is contiguous.
//
// # attention, attention_mma
//
//	attention64_h attention128_h attention256_h, attention_mma64_{f16,bf16} attention_mma128_{f16,bf16}
//	    out lse q k v lengths sink gate offsets pages  heads group t s d dv page page_row u32
//	    q_batch q_head q_row k_batch k_head k_row v_batch v_head v_row o_batch o_head o_row u64  scale f32  causal u32  window u32
//
// Operands and masks are those of internal/op's Attention; the last dimension of q, k, v and out is contiguous, lse f32
// [batch, heads, t]. lengths, sink, gate, offsets and pages may be 0. group is heads per key-value head. With pages k_batch and
// v_batch are the strides of a page, page its keys, page_row the row length of the table and s the number of pages. The number in the name is the largest
// dv (for attention_mma: d and dv). Grid (ceil(group t / 64), heads/group, batch), or sequences for batch with offsets; block 256,
// for attention_mma 128. attention_mma needs d and dv to be multiples of 8, pointers and strides of 16 bytes.
//
// # attention_grad
//
//	attention_delta_h                     delta out dout  rows u64  t heads dv u32  o_batch o_head o_row u64   32 threads per row, block 256
//	attention_grad_q64_h q128 q256, attention_grad_kv64_h kv128
//	    dq dk dv delta dout lse q k v lengths offsets  heads group t s d dv u32
//	    q_batch q_head q_row k_batch k_head k_row v_batch v_head v_row o_batch o_head o_row u64  scale f32  causal u32  window u32
//	attention_grad_sink                   dsink sink lse delta  batch heads t u32            grid heads, block 256
//
// rows is batch heads t; delta f32 [batch, heads, t] comes first and serves the others. dq lies as q, dk as k, dv as v; o_ are the
// strides of dout (and of out in attention_delta). The number is the largest of d and dv. Grid of q: (ceil(group t / 64),
// heads/group, batch or sequences), of kv: (ceil(s/64), heads/group, batch or sequences), block 256. The gate stands outside: dout
// and out are those before it.
//
// # sample
//
//	random_bits                           out key  key_stride u64  rows u32  n u64
//	random_uniform_{f32,f64}              ... a f32  b f32
//	random_normal_{f32,f64}               ... a f32  b f32
//	random_bernoulli                      ... p f32                                          out u8
//	dropout_h                             out x key  key_stride u64  rows u32  n u64  p f32
//
// key is i64 [3] with key_stride 0, or i64 [rows, 3] with key_stride 3: seed, stream, step. Each row has n elements. Grid
// (ceil(n/1024) capped, min(rows, 65535)), block 256.
package kernels

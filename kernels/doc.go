// Package kernels holds the CUDA kernels: sources in *.cu, one file per family, and what clang 19 makes of them in ptx/*.ptx,
// to be read and compared, with the same beside it in ptx/*.ptx.gz, to be embedded. PTX returns a family's module as text; the
// driver compiles it when it is loaded. `make kernels` rebuilds both to the same bytes, `make ptxas` assembles the PTX and
// rewrites LEDGER.md.
//
// The header of every source tells the kernel's story and the limit it should hit. math.cuh defines the transcendental
// functions of both paths, math64.cuh those of f64, which has other ones on the CPU.
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
// binary_* and scalar_strided_* exist for i64, i32, i8 and u8 too, and have all operators: pow for floats, the bitwise
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
//	unary_grad_T                          dx v dy  n u64  fn u32                             flat; v as UnaryFn.FromOutput says
//
// Integers have neg, abs, sign, square, relu and not.
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
//	swiglu_T                              out gate up  n u64  limit C(T)                     flat
//	swiglu_grad_T                         dgate dup gate up dy  n u64  limit C(T)            flat
//	bias_act_T                            out x bias  rows u32  cols u32  activation u32     grid (ceil(cols/256), min(rows, 65535))
//	dot_T dot_warp_T                      out a b  rows u64  n u32                           row grids; _warp for n <= 1024
//
// # gemm, gemm_mma, gemm_skinny
//
// out = activation(alpha A B + bias) + beta C. All of them take
//
//	out a b c bias  m n k lda ldb ldc ldo u32  stride_a stride_b stride_c stride_out u64  alpha beta f64  activation u32
//
// c and bias may be 0. Rows are ld elements apart, batches stride elements apart (0 shares an operand). activation is a UnaryFn
// (relu, sigmoid, tanh, silu, gelu, gelutanh), or 255 for none. The layout is nn, nt, tn or tt: n is A [m, k]
// or B [k, n] as written, t transposed.
//
//	gemm128_{nn,nt,tn,tt}_f32             grid (ceil(n/128), ceil(m/128), batch), block 256
//	gemm64_{nn,nt,tn,tt}_T                grid (ceil(n/64), ceil(m/64), batch), block 256
//	gemm_mma_{nn,nt,tn,tt}_{f16,bf16}     grid (ceil(n/128), ceil(m/128), batch), block 256
//	gemm_mma16_{nn,nt}_{f16,bf16}         grid (ceil(n/32), ceil(m/16), batch), block 128; in gemm_mma
//	gemm_skinny_{nn,nt}_f32               grid (ceil(n/32), 1, batch), block 128; m <= 8
//
// gemm_mma, gemm_mma16 and gemm_skinny need a, b and the bytes of lda, ldb, stride_a and stride_b to be multiples of 16. f32 results
// have the same bits in gemm128, gemm64 and gemm_skinny, those of halves in gemm_mma and gemm_mma16.
//
// # gemm_grouped, gemm_grouped_mma
//
//	gemm_grouped_{nn,nt}_T                out x w offsets  groups n k m u32         grid (ceil(m/64), tiles), block 256
//	gemm_grouped_mma_{nn,nt}_{f16,bf16}   likewise, tiles of 128: grid (ceil(m/128), tiles), block 256
//	gemm_grouped_mma16_{nn,nt}_{f16,bf16} likewise, tiles of 16 rows: grid (ceil(m/32), tiles), block 128
//	gemm_outer_T                          out x dy offsets  n k m u32               grid (ceil(m/64), ceil(k/64), groups), block 256
//	gemm_outer_mma_{f16,bf16}             likewise, tiles of 128: grid (ceil(m/128), ceil(k/128), groups), block 256
//
// x is [n, k], w [groups, k, m] for nn and [groups, m, k] for nt, dy [n, m], offsets i32 [groups + 1]. tiles is at least
// min(n, ceil(n/rows) + groups) for tiles of so many rows. Rows in no group are not written by gemm_grouped. The mma kernels need
// x, w and dy, and the bytes of their rows, to be multiples of 16.
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
// # norm_group
//
//	groupnorm_T groupnorm_warp_T          out x w b  rows u64  groups channels space u32  eps f32
//	groupnorm_grad_T ..._warp_T           dx stats x w dy  rows u64  groups channels space u32  eps f32       stats: C(T) [rows, 2], written
//	groupnorm_grad_parts_T ..._warp_T     parts_w parts_b x dy stats  rows u64  channels space u32
//
// Rows are images times groups, of channels space elements; for parts images times channels, of space elements: parts is C(T)
// [images, all channels], which norm_sum_parts adds up. Grids as for norm; _warp for rows of up to 1024 elements. Fewer than 2^31 channels in all.
//
// # softmax
//
//	softmax_warp_T softmax_block_T softmax_long_T log_softmax_...     out x  rows u64  n u32  scale C(T)
//	softmax_grad_warp_T softmax_grad_T log_softmax_grad_...           dx y dy  rows u64  n u32  scale C(T)
//
// Grids as for norm; _warp for n <= 512, _block for n <= 4096, _long above (which has the bits of _block). Gradients: _warp for
// n <= 512, the other above.
//
//	cross_entropy_T                       loss lse x target  n u32            grid rows, block 256; loss, lse C(T), target i32
//	cross_entropy_grad_T                  dx x target lse dloss  n u32        grid rows, block 256
//
// # divergence
//
//	entropy_T                             out x  n u32                        grid rows, block 256
//	entropy_grad_T                        dx x dy  n u32                      grid rows, block 256; dy [rows]
//	kl_T                                  out a b  n u32                      grid rows, block 256
//	kl_grad_T                             da db a b dy  n u32                 grid rows, block 256; outputs must not be inputs
//
// # reduce
//
//	reduce_rows_T reduce_rows_warp_T      out x  rows u64  n u32  fn u32                     row grids; _warp for n <= 1024
//	reduce_parts_T                        parts x  n u64  fn u32              grid (count, rows), block 256; count = ceil(n/16384)
//	reduce_rows_finish_T                  out parts  rows u64  count u32  n u64  fn u32      grid rows, block 256
//	reduce_columns_T                      out x  n u64  inner u32  fn u32     grid (ceil(inner/256), 1, outer), block 256
//	reduce_columns_parts_T                parts x  n u64  inner u32  fn u32   grid (ceil(inner/256), count, outer); count = ceil(n/64)
//	reduce_columns_finish_T               out parts  count u32  inner u32  n u64  fn u32     grid (ceil(inner/256), 1, outer)
//	logsumexp_T logsumexp_warp_T          out x  rows u64  n u32                             row grids; _warp for n <= 1024
//	argmax_T argmin_T                     out x  rows u64  n u32              grid rows, block 256; out i32
//
// The kernels with T exist for i64, i32, i8 and u8 too. fn is a ReduceFn, but not logsumexp, all and any: all is min and any max
// of bytes. Columns reduce the middle axis of [outer, n, inner]. Rows of more than 16384 elements, and columns of more than some
// 512, go through parts, C(T) [rows, count] or [outer, count, inner], and a finish. Other axes are permuted to the end first. n >= 1.
//
// # scan
//
//	cumsum_rows_T                         out x starts  n u32  reverse u32  exclusive u32    grid rows parts, block 256
//	cumsum_parts_T                        sums x  n u32  reverse u32                         likewise
//	cumsum_columns_T                      out x  n u32  inner u32  reverse u32  exclusive u32   grid (ceil(inner/256), 1, outer)
//
// for i64, i32, i8 and u8 too. out may be x. Rows have ceil(n/16384) parts; sums and starts are C(T) [rows, parts], and starts is 0
// when there is one.
//
// # index
//
//	gather_rows_b8 ... _b64               out table index  count u64  width u64  rows u32    32 threads per row of out, block 256
//	scatter_rows_b8 ... _b64              out x index  count u64  width u64  rows u32        likewise per row of x
//	scatter_sorted_rows_b8 ... _b64       out x keys from  count u64  width u64  rows u32    likewise; keys and from as for # scatter
//	take_along_b8 ... _b64                out x index  count u32  n u32  m u32  inner u32    flat over out and index [outer, m, inner]
//	keep_count                            counts keep  n u64                                 grid ceil(n/2048), block 256
//	keep_list                             list total counts keep  n u64                      likewise
//
// index is i32. An index outside 0..rows-1 gathers zeros and scatters nothing. keep is bytes, counts u32, list i32 [n]: -1 behind
// the indices that are listed.
//
// # sort
//
//	sort_short_b8 ... _b64                values indices x from  count  per u64  rows u64  n u32  keep u32  infinity u64  flags u32
//	                                      grid ceil(rows/8), block 256; n <= 128
//	sort_tile_b8 ... _b64                 likewise; grid rows, block 256; n <= 2048
//	sort_count_b8 ... _b64                counts x  count  per u64  rows u64  n u32  shift u32  infinity u64  flags u32
//	sort_starts                           counts  count  per u64  rows u64  tiles u32         grid 32 rows, block 256
//	sort_scatter_b8 ... _b64              values indices x from counts  count  per u64  rows u64  n u32  shift u32  infinity u64  flags u32
//	                                      count and scatter: grid rows tiles, block 256; tiles = ceil(n/2048)
//
// Elements are ordered as order.cuh says: infinity is the bits of +Inf of their type, or 0 for integers; flags is 1 for types with a
// sign, plus 2 to descend. from is the elements' indices, or 0 for their places; the first keep of each row are written. Rows are
// contiguous. count is a device pointer to an i32 of which each stands for `per` rows, or 0 when all rows hold data. Long
// rows take count, starts and scatter for every shift of 0, 8, 16, ...; counts is u32 [rows, tiles + 1, 256].
//
// # topk
//
//	select_b8 ... _b64                    values indices x from  count  per u64  rows u64  n u32  parts u32  k u32  infinity u64  flags u32
//	                                      grid rows parts, block 256; out [rows, parts, k], k <= n / parts; in the order of their indices
//	select_part_b8 ... _b64               the same for parts of at most 4096
//	select_warp_b8 ... _b64               values indices x  count  per u64  rows u64  n u32  k u32  infinity u64  flags u32
//	kth_b8 ... _b64 kth_warp_b8 ...       out x  count  per u64  rows u64  n u32  rank u32  infinity u64  flags u32
//	rank_count_b8 ... _b64                counts progress x  count  per u64  rows u64  n u32  pieces u32  shift u32  infinity u64  flags u32
//	                                      grid rows pieces, block 256; pieces <= 256
//	rank_pick                             progress counts  count  per u64  rows u64  pieces u32  rank u32     grid rows, block 256
//	rank_write_b8 ... _b64                out stride u32  progress x  count  per u64  rows u64  n u32  pieces u32  infinity u64  flags u32
//	                                      grid rows, block 256; out[row stride] = the element of the rank
//	quantile_T quantile_warp_T            out x  count  per u64  rows u64  n u32  rank u32  fraction f64       f32 and f64
//	                                      grid rows, block 256; of the warps' ceil(rows/8)
//
// progress is 24 bytes a row, cleared first; rank_count and rank_pick follow each other for every shift from the highest down.
//
// # scatter
//
//	scatter_add_T                         out x keys from  count u64  width u64  rows u32     also i64 i32 i8 u8
//	                                      block (bx, by), bx by = 256, grid (ceil(count/by), any): columns stride over it
//	take_along_grad_T                     out dy keys from  lanes u32  n u32  m u32  inner u32
//	                                      likewise with lanes down and m across; out is cleared first
//
// keys and from are sorted indices (u32) and where they stood; those of rows and beyond are left out.
//
// # segment
//
//	segment_T                             out x offsets  groups n inner u32  fn u32  sample u32      out [groups, inner]
//	segment_grad_T                        dx x y offsets dy  groups n inner u32  fn u32  sample u32
//	segment_softmax_T                     out x offsets  groups n inner u32
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
//	dropout_T                             out x key  key_stride u64  rows u32  n u64  p f32
//
// key is i64 [3] with key_stride 0, or i64 [rows, 3] with key_stride 3: seed, stream, step. Each row has n elements. Grid
// (ceil(n/1024) capped, min(rows, 65535)), block 256.
//
// # categorical
//
//	categorical256_T categorical512_T     token logprob logits params key  key_stride u64  weights list  n stride index_bits u32
//
// Grid rows, block 256 or 512 (to be taken for n <= 8192, and above). token i32, logprob f32, params f32 [rows, 4]. weights f32 and
// list u32 are scratch [rows, stride]: stride is a multiple of four times the block, at least n. index_bits is the length of n - 1.
package kernels

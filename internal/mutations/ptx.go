package mutations

import "slices"

// What is exchanged in PTX. Registers are numbered anew by every compilation, so patterns stand for them.
const (
	barrier = `bar\.sync 0;`
	shuffle = `shfl\.sync\.bfly`
	up      = `shfl.sync.up`

	ordered   = `sub\.rn\.f32 (\s*%f\d+), (%f\d+), (%f\d+)`
	exchanged = `sub.rn.f32 ${1}, ${3}, ${2}`

	product     = `mma\.sync([^{]*\{[^}]*\}, )\{(%r\d+),(%r\d+),`
	crossed     = `mma.sync${1}{${3},${2},`
	fragments   = `ldmatrix([^{]*)\{(%r\d+), (%r\d+), `
	fragmentsAs = `ldmatrix${1}{${3}, ${2}, `
)

// ptx are mutations of the compiled CUDA kernels. The simulator runs them; most by the table as it is ("all"), large
// tiles on a device of one multiprocessor ("small").
func ptx() []Mutation {
	return slices.Concat(ptxElementwise(), ptxRows(), ptxReductions(), ptxProducts(), ptxAttention(), ptxIndexing())
}

func ptxElementwise() []Mutation {
	const dir, all = "kernels/ptx/", "all"
	return slices.Concat(
		in(dir+"elementwise.ptx", all,
			row{".entry add_f32(", `setp\.ge\.u64`, `setp.gt.u64`, Predicate, `^add/f32`, 1},
			row{".entry sub_f32(", ordered, exchanged, Operand, `^sub/f32`, 0},
			row{".entry mul_f16(", `cvt\.rn\.f16\.f32`, `cvt.rz.f16.f32`, Rounding, `^mul/f16`, 0},
			row{".entry binary_rows_f32(", `mul\.lo\.s64`, `add.s64`, Index, `^(add|sub)/f32`, 0},
		),
		in(dir+"convert.ptx", all,
			row{".entry transpose_b32(", barrier, "", Barrier, `^copy/f32`, 0},
			row{".entry transpose_b32(", `\+2112\]`, `+1056]`, Index, `^copy/f32`, 0},
			row{".entry transpose_b32(", `setp\.ge\.u32`, `setp.gt.u32`, Predicate, `^copy/f32`, 1},
			row{".entry cast_f32_bf16(", `cvt\.rn\.bf16\.f32`, `cvt.rz.bf16.f32`, Rounding, `^cast/f32.*f32-bf16`, 0},
			row{".entry cast_f64_f32(", `cvt\.rn\.f32\.f64`, `cvt.rz.f32.f64`, Rounding, `^cast/f64.*f64-f32`, 0},
			row{".entry fill_b32(", `st\.global[^\n]*`, "", Unwritten, `^fill/f32`, 0},
		),
		in(dir+"unary.ptx", all,
			row{".entry round_f32(", `cvt\.rni`, `cvt.rzi`, Rounding, `^round/f32`, 0},
			row{".entry exp_f32(", `selp\.f32 (\s*\S+), (\S+), (\S+), `, `selp.f32 ${1}, ${3}, ${2}, `, Operand, `^exp/f32`, 0},
			row{".entry unary_strided_f64(", `0d3F8111111110FD5D`, `0d3F81111100000000`, Rounding, `^(exp|exp2|tanh|silu|gelu)/f64`, 0},
			row{".entry unary_strided_f64(", `0d3FA5555555555555`, `0d3FA5555500000000`, Rounding, `^(sin|cos)/f64`, 0},
			row{".entry unary_strided_f64(", `rcp\.rn\.f64`, `sqrt.rn.f64`, Operand, `^(reciprocal|rsqrt|sigmoid|silu)/f64`, 0},
			row{".entry unary_grad_f64(", `setp\.ge\.u64`, `setp.gt.u64`, Predicate, `^(exp|sin|gelu).grad/f64`, 0},
			row{".entry unary_grad_f64(", `0d3FE544E1E706158B`, `0d3FE544E1E8000000`, Rounding, `^gelu.grad/f64`, 0},
		),
		in(dir+"fused.ptx", all,
			row{".entry swiglu_f32(", `div\.rn\.f32`, `mul.rn.f32`, Operand, `^swiglu/f32`, 0},
			row{".entry dot_f32(", barrier, "", Barrier, `^dot/f32`, 0},
			row{".entry dot_warp_f32(", shuffle, up, Index, `^dot/f32`, 0},
		),
		in(dir+"select.ptx", all,
			row{".entry where_strided_b32(", `setp\.eq\.s16`, `setp.ne.s16`, Predicate, `^where/f32`, 0},
			row{".entry compare_strided_f32(", `st\.global[^\n]*`, "", Unwritten, `^(lt|le)/f32`, 0},
		),
		in(dir+"sample.ptx", all,
			row{".entry random_bits(", `\+4\], (%r\d+)`, `+8], ${1}`, Index, `^bits/`, 0},
			row{".entry random_uniform_f32(", `mul\.rn\.f32 (\s*%f\d+, %f\d+, %f\d+);`, `mul.rp.f32 ${1};`, Rounding, `^uniform/f32`, 0},
		),
	)
}

func ptxRows() []Mutation {
	const dir, all = "kernels/ptx/", "all"
	return slices.Concat(
		in(dir+"norm.ptx", all,
			row{".entry rmsnorm_f32(", barrier, "", Barrier, `^rmsnorm/f32`, 0},
			row{".entry rmsnorm_warp_f32(", `setp\.ge\.u32`, `setp.gt.u32`, Predicate, `^rmsnorm/f32`, 0},
			row{".entry rmsnorm_bf16(", `cvt\.rn\.bf16\.f32`, `cvt.rz.bf16.f32`, Rounding, `^rmsnorm/bf16`, 0},
			row{".entry rmsnorm_grad_parts_f32(", `st\.global[^\n]*`, "", Unwritten, `^rmsnorm.grad/f32`, 0},
			row{".entry layernorm_warp_f32(", shuffle, up, Index, `^layernorm/f32`, 2},
			row{".entry layernorm_grad_f32(", barrier, "", Barrier, `^layernorm.grad/f32`, 0},
		),
		in(dir+"norm_group.ptx", all,
			row{".entry groupnorm_f32(", barrier, "", Barrier, `^groupnorm/f32`, 0},
			row{".entry groupnorm_warp_bf16(", `cvt\.rn\.bf16\.f32`, `cvt.rz.bf16.f32`, Rounding, `^groupnorm/bf16`, 0},
			row{".entry groupnorm_grad_warp_f32(", shuffle, up, Index, `^groupnorm.grad/f32`, 0},
		),
		in(dir+"categorical.ptx", all,
			row{".entry categorical256_f32(", barrier, "", Barrier, `^categorical/f32`, 0},
			row{".entry categorical256_f64(", `st\.global\.u32[^\n]*`, "", Unwritten, `^categorical/f64`, 4},
			row{".entry categorical512_f32(", shuffle, up, Index, `^categorical/f32`, 0},
		),
		in(dir+"softmax.ptx", all,
			row{".entry softmax_warp_f32(", `st\.global\.v4[^\n]*`, "", Unwritten, `^softmax/f32`, 0},
			row{".entry softmax_block_f32(", barrier, "", Barrier, `^softmax/f32`, 1},
			row{".entry cross_entropy_grad_f32(", `setp\.eq\.s32`, `setp.ne.s32`, Predicate, `^crossentropy.grad/f32`, 0},
		),
		in(dir+"divergence.ptx", all,
			row{".entry kl_grad_f32(", barrier, "", Barrier, `^kl.grad/f32`, 2},
			row{".entry entropy_f32(", shuffle, up, Index, `^entropy/f32`, 6},
		),
		in(dir+"rope.ptx", all,
			row{".entry rope_f32(", barrier, "", Barrier, `^rope/f32`, 0},
			row{".entry rope_f32(", `sub\.rn\.f32`, `add.rn.f32`, Operand, `^rope/f32`, 0},
		),
	)
}

func ptxReductions() []Mutation {
	const dir, all = "kernels/ptx/", "all"
	return slices.Concat(
		in(dir+"reduce.ptx", all,
			row{".entry reduce_rows_f32(", barrier, "", Barrier, `^sum/f32`, 0},
			row{".entry reduce_rows_warp_f32(", shuffle, up, Index, `^sum/f32`, 0},
			row{".entry reduce_columns_f32(", `setp\.ge\.u32`, `setp.gt.u32`, Predicate, `^sum/f32`, 0},
			row{".entry argmax_f32(", `setp\.gt\.f32`, `setp.lt.f32`, Predicate, `^argmax/f32`, 0},
			row{".entry argmin_i32(", `st\.global[^\n]*`, "", Unwritten, `^argmin/i32`, 0},
		),
		in(dir+"scan.ptx", all,
			row{".entry cumsum_parts_f32(", barrier, "", Barrier, `^cumsum/f32/2x32769`, 0},
			row{".entry cumsum_rows_f32(", `shfl\.sync\.up`, `shfl.sync.bfly`, Index, `^cumsum/f32`, 0},
			row{".entry cumsum_rows_i32(", barrier, "", Barrier, `^cumsum/i32`, 1},
		),
		in(dir+"segment.ptx", all,
			row{".entry segment_f32(", `setp\.lt\.s32`, `setp.ge.s32`, Predicate, `^segment.(sum|mean)/f32`, 1},
			row{".entry segment_grad_f32(", `st\.global[^\n]*`, "", Unwritten, `^segment.sum.grad/f32`, 0},
			row{".entry segment_softmax_f32(", `add\.s32`, `sub.s32`, Index, `^segment.softmax/f32`, 0},
		),
	)
}

func ptxProducts() []Mutation {
	const dir, all, small = "kernels/ptx/", "all", "small"
	return slices.Concat(
		in(dir+"gemm.ptx", all,
			row{".entry gemm64_nn_f32(", barrier, "", Barrier, `^matmul/f32`, 1},
			row{".entry gemm64_nt_f32(", `fma\.rn\.f32 (\s*%f\d+), (%f\d+), (%f\d+), (%f\d+);`, `fma.rn.f32 ${1}, ${2}, ${2}, ${4};`, Operand, `^matmul.nt/f32`, 0},
			row{".entry gemm64_tn_f64(", `st\.global[^\n]*`, "", Unwritten, `^matmul.tn/f64`, 0},
		),
		in(dir+"gemm.ptx", small,
			row{".entry gemm128_nn_f32(", barrier, "", Barrier, `^matmul/f32`, 1},
		),
		in(dir+"gemm_mma.ptx", small,
			row{".entry gemm_mma_nn_f16(", product, crossed, Fragment, `^matmul/f16`, 0},
			row{".entry gemm_mma_nn_bf16(", `\.trans`, ``, Transpose, `^matmul/bf16`, 0},
			row{".entry gemm_mma_nt_f16(", fragments, fragmentsAs, Fragment, `^matmul.nt/f16`, 0},
			row{".entry gemm_mma_nn_f16(", `cp\.async\.wait_group 1`, `cp.async.wait_group 2`, Barrier, `^matmul/f16`, 0},
			row{".entry gemm_mma_tt_bf16(", product, crossed, Fragment, `^matmul.tt/bf16`, 31},
			row{".entry gemm_mma_nt_bf16(", barrier, "", Barrier, `^matmul.nt/bf16`, 0},
			row{".entry gemm_mma_tn_f16(", `cvt\.rn\.f16\.f32`, `cvt.rz.f16.f32`, Rounding, `^matmul.tn/f16`, 0},
		),
		in(dir+"gemm_skinny.ptx", all,
			row{".entry gemm_skinny_nt_f32(", `cp\.async\.wait_group [1-9]`, `cp.async.wait_group 7`, Barrier, `^matmul.nt/f32`, 0},
			row{".entry gemm_skinny_nn_f32(", `st\.global[^\n]*`, "", Unwritten, `^matmul/f32`, 0},
		),
		in(dir+"gemm_mma.ptx", all,
			row{".entry gemm_mma16_nn_bf16(", barrier, "", Barrier, `^matmul/bf16`, 0},
			row{".entry gemm_mma16_nt_f16(", product, crossed, Fragment, `^matmul.nt/f16`, 0},
		),
		in(dir+"gemm_grouped.ptx", all,
			row{".entry gemm_grouped_nn_f32(", barrier, "", Barrier, `^groupedmatmul/f32`, 1},
			row{".entry gemm_grouped_nt_f64(", `st\.global[^\n]*`, "", Unwritten, `^groupedmatmul/f64`, 0},
		),
		in(dir+"gemm_grouped_mma.ptx", all,
			row{".entry gemm_grouped_mma_nn_f16(", product, crossed, Fragment, `^groupedmatmul/f16`, 0},
			row{".entry gemm_grouped_mma16_nt_bf16(", fragments, fragmentsAs, Fragment, `^groupedmatmul/bf16`, 0},
			row{".entry gemm_outer_mma_bf16(", `\.trans`, ``, Transpose, `^groupedouter/bf16`, 0},
		),
	)
}

func ptxAttention() []Mutation {
	const dir, all = "kernels/ptx/", "all"
	return slices.Concat(
		in(dir+"attention.ptx", all,
			row{".entry attention64_f32(", barrier, "", Barrier, `^attention/f32`, 1},
			row{".entry attention64_f32(", shuffle, up, Index, `^attention/f32`, 0},
			row{".entry attention256_f64(", `fma\.rn\.f64 (\s*%fd\d+), (%fd\d+), (%fd\d+), (%fd\d+);`, `fma.rn.f64 ${1}, ${2}, ${2}, ${4};`, Operand, `^attention/f64`, 0},
			row{".entry attention128_f32(", `st\.global\.v4[^\n]*`, "", Unwritten, `^attention/f32`, 0},
		),
		in(dir+"attention_decode.ptx", all,
			row{".entry attention_decode128_f32(", barrier, "", Barrier, `^attention/f32/1x`, 1},
			row{".entry attention_decode256_f32(", shuffle, up, Index, `^attention/f32/1x.*(207|201)/`, 12},
			row{".entry attention_decode128_f16(", `setp\.lt\.s32`, `setp.le.s32`, Predicate, `^attention/f16`, 10},
			row{".entry attention_join_f32(", `st\.global\.v4[^\n]*`, "", Unwritten, `^attention/f32/1x1`, 0},
			row{".entry attention_join_bf16(", `cvt\.rn\.bf16\.f32`, `cvt.rz.bf16.f32`, Rounding, `^attention/bf16/1x1`, 0},
		),
		in(dir+"attention_probs.ptx", all,
			row{".entry attention_probs_f32(", barrier, "", Barrier, `^attention.probs/f32/1x2`, 1},
			row{".entry attention_probs_f32(", `st\.global\.v4[^\n]*`, "", Unwritten, `^attention.probs/f32/1x`, 0},
			row{".entry attention_probs_f64(", `fma\.rn\.f64 (\s*%fd\d+), (%fd\d+), (%fd\d+), (%fd\d+);`, `fma.rn.f64 ${1}, ${2}, ${2}, ${4};`, Operand, `^attention.probs/f64/1x2`, 0},
		),
		in(dir+"attention_mma.ptx", all,
			row{".entry attention_mma64_f16(", product, crossed, Fragment, `^attention/f16/1.*/halves`, 0},
			row{".entry attention_mma64_bf16(", `\.trans`, ``, Transpose, `^attention/bf16/1.*/halves`, 0},
			row{".entry attention_mma128_f16(", fragments, fragmentsAs, Fragment, `^attention/f16/1.*/halves`, 0},
			row{".entry attention_mma128_bf16(", barrier, "", Barrier, `^attention/bf16/1.*/halves`, 1},
			row{".entry attention_mma64_f16(", `cp\.async\.wait_group 0`, `cp.async.wait_group 2`, Barrier, `^attention/f16/1.*/halves`, 0},
		),
		in(dir+"attention_grad.ptx", all,
			row{".entry attention_grad_q64_f32(", barrier, "", Barrier, `^attention.grad/f32`, 0},
			row{".entry attention_grad_kv128_f32(", barrier, "", Barrier, `^attention.grad/f32/1x`, 3},
			row{".entry attention_grad_k256_f32(", `st\.global\.v4[^\n]*`, "", Unwritten, `^attention.grad/f32/1x`, 0},
			row{".entry attention_delta_f32(", shuffle, up, Index, `^attention.grad/f32`, 0},
		),
	)
}

func ptxIndexing() []Mutation {
	const dir, all = "kernels/ptx/", "all"
	return slices.Concat(
		in(dir+"index.ptx", all,
			row{".entry gather_rows_b32(", `setp\.lt\.u32`, `setp.le.u32`, Predicate, `^take/f32`, 0},
			row{".entry gather_rows_b32(", `st\.global\.v4[^\n]*`, "", Unwritten, `^take/f32`, 0},
			row{".entry scatter_rows_b32(", `st\.global[^\n]*`, "", Unwritten, `^putrows/f32`, 0},
			row{".entry take_along_b32(", `setp\.ge\.u32`, `setp.gt.u32`, Predicate, `^takealong/f32`, 1},
			row{".entry keep_list(", barrier, "", Barrier, `^compact/f32`, 0},
		),
		in(dir+"scatter.ptx", all,
			row{".entry scatter_add_f32(", `setp\.eq\.s32`, `setp.ne.s32`, Predicate, `^(scatteradd|take.grad)/f32`, 0},
			row{".entry scatter_add_f16(", `st\.global\.v2[^\n]*`, "", Unwritten, `^(scatteradd|take.grad)/f16`, 0},
			row{".entry take_along_grad_f32(", `setp\.eq\.s32`, `setp.ge.s32`, Predicate, `^takealong.grad/f32`, 2},
		),
		in(dir+"sort.ptx", all,
			row{".entry sort_short_b32(", `setp\.eq\.s32`, `setp.ne.s32`, Predicate, `^sort/f32`, 1},
			row{".entry sort_tile_b32(", barrier, "", Barrier, `^sort/f32/5x257`, 1},
			row{".entry sort_count_b32(", barrier, "", Barrier, `^sort/f32/2x40000`, 0},
			row{".entry sort_tile_b64(", `st\.global[^\n]*`, "", Unwritten, `^sort/i64/5x257`, 0},
			row{".entry sort_scatter_b32(", `@!p not\.b32`, `@p not.b32`, Predicate, `^sort/f32/2x40000`, 0},
			row{".entry sort_starts(", `st\.global[^\n]*`, "", Unwritten, `^sort/f32/2x40000`, 0},
		),
		in(dir+"topk.ptx", all,
			row{".entry select_part_b32(", barrier, "", Barrier, `^topk/f32`, 0},
			row{".entry kth_warp_b32(", `shfl\.sync\.up`, `shfl.sync.bfly`, Index, `^kthvalue/f32`, 0},
			row{".entry select_b64(", `setp\.ge\.u32`, `setp.gt.u32`, Predicate, `^topk/f64`, 3},
			row{".entry select_warp_b32(", `shfl\.sync\.up`, `shfl.sync.bfly`, Index, `^topk/f32`, 0},
			row{".entry rank_write_b32(", `st\.global[^\n]*`, "", Unwritten, `^kthvalue/f32/40000`, 0},
			row{".entry quantile_f32(", shuffle, up, Index, `^quantile/f32/6x1100`, 5},
			row{".entry quantile_warp_f64(", `sub\.rn\.f64 (\s*%fd\d+), (%fd\d+), (%fd\d+)`, `sub.rn.f64 ${1}, ${3}, ${2}`, Operand, `^quantile/f64`, 0},
			row{".entry rank_pick(", barrier, "", Barrier, `^kthvalue/f32/40000`, 0},
		),
	)
}

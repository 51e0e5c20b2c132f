// Package ptx executes PTX, NVIDIA's virtual instruction set, on the CPU.
//
// It is a small machine that runs the very kernels that ship for the GPU: warps of 32 lanes with divergence and
// reconvergence, barriers, shared memory, shuffles, votes, atomics, cp.async, ldmatrix and mma.sync. It is built to
// test kernels, so it is also
//
//   - a sanitizer: out-of-bounds and misaligned access, reads of memory nobody wrote, shared-memory races between
//     barriers, plain races between blocks, barriers in divergent code, launches that cannot make progress;
//   - a meter: instructions by class, sectors per global request, bank-conflict passes per shared request;
//   - a coverage tool: how often each basic block ran.
//
// # From text to execution
//
// [Parse] turns text into statements (lex.go, parse.go). [Module.Entry] inlines calls (flatten.go), decodes each
// statement (decode*.go), splits the code into basic blocks and finds their post-dominators (cfg.go) and gives
// registers that never live together the same row (regalloc.go). [Kernel.Run] starts blocks on workers (grid.go).
// A block is a resumable state machine, not a goroutine: it can be put aside at any basic block, so blocks that wait
// for each other make progress on one worker.
//
// A register of a warp is a [Row]: 32 lanes side by side. Operands are always rows; immediates, parameters and
// special registers are constant rows, predicates are 32-bit lane masks. An arithmetic instruction has no side
// effect, so it computes all 32 lanes and blends the active ones into its destination. The hot rows have an AVX2
// version beside the Go one; both give the same bits, and a test holds them to it.
//
// # Arithmetic
//
// Every operation that PTX specifies to the bit is exact here: all four rounding modes, subnormals, .ftz, .sat,
// canonical NaNs. The approximations are one rounding of the float64 result, which is inside the documented bounds:
//
//	ex2.approx, lg2.approx, sin.approx, cos.approx, tanh.approx    2^-22 and more allowed, < 2^-24 relative here
//	rcp.approx, rsqrt.approx, sqrt.approx, div.approx              1 to 2 ulp allowed, 0.5 ulp here
//
// How a tensor core accumulates is not specified; [MMAModel] chooses between plausible ways.
//
// # Limits
//
// Lanes of a warp that diverged run one side after the other until they rejoin at the branch's immediate
// post-dominator; a kernel in which one side of a branch waits for the other side of the same warp deadlocks, and is
// reported. Warp-wide instructions (shfl.sync, vote.sync, mma.sync, bar) want all their members to arrive together.
// Races between lanes of one warp are not looked for, nor are races of 8- and 16-bit accesses between blocks.
// Calls are inlined, so recursion and indirect calls are refused. The instructions of sm_90 (wgmma, mbarrier, bulk
// copies, clusters) are not there. An instruction that is not known is an error that names it and its line.
package ptx

package ptx

// Special registers that stay the same while a block runs are constant rows, numbered like this.
const (
	regTidX = iota
	regTidY
	regTidZ
	regNtidX
	regNtidY
	regNtidZ
	regCtaidX
	regCtaidY
	regCtaidZ
	regNctaidX
	regNctaidY
	regNctaidZ
	regLane
	regWarp
	regNwarp
	regMaskEq
	regMaskLe
	regMaskLt
	regMaskGe
	regMaskGt
	regZero
	regOne
	regDynamicShared
	regTotalShared
)

var specials = map[string]uint64{
	"%tid.x": regTidX, "%tid.y": regTidY, "%tid.z": regTidZ,
	"%ntid.x": regNtidX, "%ntid.y": regNtidY, "%ntid.z": regNtidZ,
	"%ctaid.x": regCtaidX, "%ctaid.y": regCtaidY, "%ctaid.z": regCtaidZ,
	"%nctaid.x": regNctaidX, "%nctaid.y": regNctaidY, "%nctaid.z": regNctaidZ,
	"%laneid": regLane, "%warpid": regWarp, "%nwarpid": regNwarp,
	"%lanemask_eq": regMaskEq, "%lanemask_le": regMaskLe, "%lanemask_lt": regMaskLt,
	"%lanemask_ge": regMaskGe, "%lanemask_gt": regMaskGt,
	"%smid": regZero, "%nsmid": regOne, "%gridid": regZero,
	"%dynamic_smem_size": regDynamicShared, "%total_smem_size": regTotalShared,
}

// specialConstant looks up a special register; %gridid is 64 bits wide.
func specialConstant(name string) (c constant, wide, ok bool) {
	n, ok := specials[name]
	return constant{kind: constSpecial, value: n}, name == "%gridid", ok
}

// special computes a lane's value of a special register.
func (b *blockState) special(reg uint64, warp, lane int) uint32 {
	l := b.l
	t := warp*32 + lane
	nx, ny := l.Block[0], l.Block[1]
	switch reg {
	case regTidX:
		return uint32(t % nx)
	case regTidY:
		return uint32(t / nx % ny)
	case regTidZ:
		return uint32(t / (nx * ny))
	case regNtidX, regNtidY, regNtidZ:
		return uint32(l.Block[reg-regNtidX])
	case regCtaidX, regCtaidY, regCtaidZ:
		return uint32(b.coord[reg-regCtaidX])
	case regNctaidX, regNctaidY, regNctaidZ:
		return uint32(l.Grid[reg-regNctaidX])
	case regLane:
		return uint32(lane)
	case regWarp:
		return uint32(warp)
	case regNwarp:
		return uint32(len(b.warps))
	case regMaskEq:
		return 1 << lane
	case regMaskLe:
		return 2<<lane - 1
	case regMaskLt:
		return 1<<lane - 1
	case regMaskGe:
		return fullMask << lane
	case regMaskGt:
		return fullMask << lane << 1
	case regOne:
		return 1
	case regDynamicShared:
		return uint32(l.Shared)
	case regTotalShared:
		return uint32(len(b.shared))
	}
	return 0
}

// Orders: elements become unsigned keys that stand in the order wanted, so sorting and selecting look at bits alone and one
// kernel for each size of an element serves all types of that size. Which type it is comes as two scalars, `infinity` and `flags`.
#pragma once
#include "rows.cuh"

constexpr u32 DIGITS = 256;  // keys are taken in digits of eight bits
constexpr u32 ALL_LANES = 0xFFFFFFFFu;

enum OrderFlags { SIGNED = 1, DESCENDING = 2 };

template <class U> struct key_of {
  typedef u32 type;
};
template <> struct key_of<u64> {
  typedef u64 type;
};
template <class U> using Key = typename key_of<U>::type;

// Order makes keys of elements that come as their bits. infinity is the bits of +Inf of a floating-point type, 0 for integers.
// Zeros of both signs have one key; NaN have the greatest, ascending or descending, and nothing else has it among floats.
template <class U> struct Order {
  typedef Key<U> K;
  static constexpr K TOP = (K)1 << (8 * sizeof(U) - 1), REST = TOP - 1, ALL = TOP | REST;
  K nan;     // what is greater, without its sign, is a NaN
  K sign;    // turned over, so that what has it comes first
  K mirror;  // turned over where the sign is set: floats are sign and magnitude
  K flip;    // turned over to descend

  INLINE Order(u64 infinity, u32 flags)
      : nan(infinity ? (K)infinity : ALL),
        sign(flags & SIGNED ? TOP : 0),
        mirror(infinity ? REST : 0),
        flip(flags & DESCENDING ? ALL : 0) {}

  INLINE K key(U element) const {
    K b = element, magnitude = b & REST;
    if (magnitude > nan) return ALL;
    if (mirror != 0 && magnitude == 0) b = 0;
    return b ^ sign ^ (b & TOP ? mirror : 0) ^ flip;
  }
};

// live_rows is how many of the rows, fewer than 2^31, hold data: `per` for each that the device's count says, all where the count is
// null. The count is read without a branch.
DEV u64 live_rows(const i32 *count, u64 per, u64 rows) {
  i32 c;
  asm volatile("{ .reg .pred p; setp.ne.u64 p, %1, 0; mov.b32 %0, 0x7fffffff; @p ld.global.b32 %0, [%1]; }" : "=r"(c) : "l"(count));
  u64 live = (c < 0 ? 0 : (u64)c) * per;
  return live < rows ? live : rows;
}

// Warps.

DEV void warp_barrier() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }
DEV u32 count_bits(u32 x) {
  u32 r;
  asm("popc.b32 %0, %1;" : "=r"(r) : "r"(x));
  return r;
}
DEV u32 lane() { return threadIdx.x % 32; }
DEV u32 lanes_below() { return ~(ALL_LANES << lane()); }

// lane_at is the value of one lane.
DEV u32 lane_at(u32 x, u32 lane) {
  u32 r;
  asm volatile("shfl.sync.idx.b32 %0, %1, %2, 31, 0xffffffff;" : "=r"(r) : "r"(x), "r"(lane));
  return r;
}

// up_to is the sum of x over the lanes up to this one.
DEV u32 up_to(u32 x) {
#pragma unroll
  for (u32 by = 1; by < 32; by *= 2) {
    u32 other = lane_up(x, by);
    if (lane() >= by) x += other;
  }
  return x;
}

// sum_below is the sum of x over the threads of the block below this one. `shared` holds a number for each warp.
DEV u32 sum_below(u32 x, u32 *shared) {
  u32 sum = up_to(x), warp = threadIdx.x / 32;
  if (lane() == 31) shared[warp] = sum;
  barrier();
  u32 below = sum - x;
#pragma unroll
  for (u32 w = 0; w < BLOCK / 32; w++)
    if (w < warp) below += shared[w];
  barrier();
  return below;
}

// tick adds 1 to a number in shared memory.
DEV void tick(u32 *p) { asm volatile("red.shared.add.u32 [%0], 1;" ::"r"(shared_address(p)) : "memory"); }

// Package ref is the oracle: every op in float64, by its formula, in obvious loops, forward and backward. It is never
// optimised. Whatever another package computes is right when it agrees with this one.
//
// Its conventions are held to goldens of PyTorch and NumPy, its gradients to finite differences.
package ref

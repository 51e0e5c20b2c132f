// Package golden holds what PyTorch and NumPy make of small inputs, for every op that follows a convention of theirs:
// outputs, and gradients by autograd. goldens.py wrote the files and lists the conventions that differ on purpose.
// Tests hold the oracle and the gradient rules to them.
package golden

// Package radix orders rows by their bits: numbers become unsigned keys that stand in the same order, and keys are
// sorted and selected digit by digit, without a comparison.
package radix

// Package device opens backends by name. It is the one place that knows which there are: tandem.Open makes a Device of
// what Open returns, and the commands that speak to a backend directly (tandem check) open it here too.
//
// The GPU path is compiled in under the build tag cuda with cgo on Linux; without it, its names answer why.
package device

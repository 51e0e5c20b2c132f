package main

func avx512()                  {}
func encode(name string) error { return nil }

// Preloaded before bochscpu: it makes the processor a Sapphire Rapids, which has AVX512_BF16, where the library offers
// no choice, and brings two functions of a newer C library than Debian 12's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void *sapphire_rapids(void *cpu) {
	void *library = dlopen(getenv("BOCHSCPU"), RTLD_LAZY | RTLD_NOLOAD);
	void *(*create)(void *) = (void *(*)(void *))dlsym(library, "_Z28create_sapphire_rapids_cpuidP8BX_CPU_C");
	return create(cpu);
}

// The constructors of Bochs' other models with AVX-512, one of which is the library's choice.
void *_Z23create_corei3_cnl_cpuidP8BX_CPU_C(void *cpu) { return sapphire_rapids(cpu); }
void *_Z29create_corei7_icelake_u_cpuidP8BX_CPU_C(void *cpu) { return sapphire_rapids(cpu); }
void *_Z29create_corei7_skylake_x_cpuidP8BX_CPU_C(void *cpu) { return sapphire_rapids(cpu); }
void *_Z22create_tigerlake_cpuidP8BX_CPU_C(void *cpu) { return sapphire_rapids(cpu); }

unsigned long long __isoc23_strtoull(const char *s, char **end, int base) { return strtoull(s, end, base); }

int __isoc23_sscanf(const char *s, const char *format, ...) {
	va_list args;
	va_start(args, format);
	int n = vsscanf(s, format, args);
	va_end(args);
	return n;
}

// Compile-time words that every layer uses.
#pragma once

#if defined(__CUDACC__)
#define DN_HD __host__ __device__
#else
#define DN_HD
#endif

// Inlined by force: a shared inline function that stays out of line would be one weak symbol for all instruction sets, and
// the linker could hand the AVX-512 copy to the portable path.
#define DN_INLINE DN_HD inline __attribute__((always_inline))

// The instruction set that a file is compiled for; formulas and kernels live in an inline namespace of that name.
#ifndef DEEPNET_ISA
#define DEEPNET_ISA base
#endif

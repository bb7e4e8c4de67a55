// Functions of files compiled once that are exact whatever the instructions (comparisons, conversions), and so may be
// compiled for AVX2 as well; the loader picks.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define DN_ALSO_AVX2 __attribute__((target_clones("default", "avx2")))
#else
#define DN_ALSO_AVX2
#endif

# Kernel files compiled once for every instruction set.
file(GLOB DEEPNET_ISA_SOURCES CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
# Kernel files that gain nothing from vectors, compiled once.
set(DEEPNET_BASE_SOURCES
    arg_reduce.cpp copy.cpp fill.cpp gather.cpp index.cpp integer_map.cpp integer_matmul.cpp integer_reduce.cpp memory.cpp
    nonzero.cpp pool_indices.cpp scan.cpp scatter.cpp sort.cpp throw.cpp)
list(REMOVE_ITEM DEEPNET_ISA_SOURCES ${DEEPNET_BASE_SOURCES})

// The test binary's entry point; every *_test.cpp below tests/ is linked into it (see
// CMakeLists.txt).
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

# Makes a C program of the examples in heed.h (@code ... @endcode), each a function of its own that
# is given what examples.h says. Every function of heed.h must be in one of them.
# usage: cmake -DHEADER=heed.h -DOUTPUT=examples.c -P extract_examples.cmake
file(READ ${HEADER} text)
string(REPLACE ";" "\\;" text "${text}")  # not a separator of lists
string(REPLACE "[" "\\x5b" text "${text}")
string(REPLACE "]" "\\x5d" text "${text}")
string(REGEX MATCHALL "@code[^@]*@endcode" examples "${text}")
set(program "/* Made of heed.h by extract_examples.cmake. */\n#include \"examples.h\"\n")
set(calls "")
set(number 0)
foreach(example IN LISTS examples)
  string(REGEX REPLACE "^@code|@endcode$" "" example "${example}")
  string(REGEX REPLACE "\n +\\* ?" "\n  " example "${example}")
  math(EXPR number "${number} + 1")
  string(APPEND program
         "\nstatic void example_${number}(const Given* given) {\n  EXAMPLE_NAMES(given)${example}\n}\n")
  string(APPEND calls "  example_${number}(given);\n  failed += example_failed(${number});\n")
endforeach()
string(APPEND program "\nint run_examples(const Given* given) {\n  int failed = 0;\n${calls}  return failed;\n}\n")

string(REGEX MATCHALL "\nHEED_API [^(]*[ *]heed_[a-z_0-9]+\\(" declarations "${text}")
foreach(declaration IN LISTS declarations)
  string(REGEX REPLACE ".*[ *](heed_[a-z_0-9]+)\\($" "\\1" name "${declaration}")
  if(NOT program MATCHES "${name}\\(")
    message(FATAL_ERROR "${HEADER}: ${name} has no example")
  endif()
endforeach()
string(REPLACE "\\x5b" "[" program "${program}")
string(REPLACE "\\x5d" "]" program "${program}")
file(WRITE ${OUTPUT} "${program}")

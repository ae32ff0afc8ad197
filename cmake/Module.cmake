# Flags of all our own code.
add_library(mcpbridge_flags INTERFACE)
target_include_directories(mcpbridge_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(mcpbridge_flags INTERFACE MCPBRIDGE_VERSION="${PROJECT_VERSION}")
target_compile_options(mcpbridge_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  # False alarms of g++ 12 on std::string (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651).
  -Wno-restrict
  # As gRPC's package asks for: precompiled headers need the same macros in every file.
  -pthread
  $<$<BOOL:${MCPBRIDGE_WERROR}>:-Werror>)
if(MCPBRIDGE_SANITIZE STREQUAL "thread")
  # Asio's fences, which ThreadSanitizer doesn't see; its mutexes it does.
  target_compile_options(mcpbridge_flags INTERFACE -Wno-tsan)
  # protobuf's headers lay maps out differently where they see this macro, which its library, compiled
  # without it, knows nothing of. Our own annotations go by MCPBRIDGE_TSAN.
  add_compile_options(-U__SANITIZE_THREAD__)
  target_compile_definitions(mcpbridge_flags INTERFACE MCPBRIDGE_TSAN)
endif()
# Asio: one executor type, no deprecated forms; separate compilation keeps each of our files quick.
target_compile_definitions(mcpbridge_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
# simdjson: its conversions that throw don't compile. The other macro is what Debian's package of it is
# built with; precompiled headers need both in every file.
target_compile_definitions(mcpbridge_flags INTERFACE SIMDJSON_EXCEPTIONS=0 SIMDJSON_THREADS_ENABLED=1)
target_link_libraries(mcpbridge_flags INTERFACE Threads::Threads Boost::boost)
if(MCPBRIDGE_SANITIZE)
  add_compile_options(-fsanitize=${MCPBRIDGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MCPBRIDGE_SANITIZE})
endif()

# mcpbridge_module(NAME SOURCES a.cc... [DEPENDS mcpbridge::x gRPC::grpc++ ...])
# A layer of the bridge: static library mcpbridge_NAME, alias mcpbridge::NAME. What it may include is
# what it links, so the link graph is the layering.
function(mcpbridge_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(mcpbridge_${name} STATIC ${arg_SOURCES})
  add_library(mcpbridge::${name} ALIAS mcpbridge_${name})
  target_link_libraries(mcpbridge_${name} PUBLIC mcpbridge_flags ${arg_DEPENDS})
  mcpbridge_precompile(mcpbridge_${name} mcpbridge_headers)
  mcpbridge_unity(mcpbridge_${name})
endfunction()

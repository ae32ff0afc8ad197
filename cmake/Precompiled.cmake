# Headers of other people that most of our files include, compiled once instead of in every file: a clean
# build takes about half the time. Every file still includes what it uses, and tests/lint keeps the
# layers; MCPBRIDGE_PRECOMPILE=OFF builds without.
option(MCPBRIDGE_PRECOMPILE "Compile other people's headers once" ON)

# mcpbridge_precompiled_headers(NAME DEPENDS target... HEADERS <a.h>...)
function(mcpbridge_precompiled_headers name)
  cmake_parse_arguments(arg "" "" "DEPENDS;HEADERS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Only carries the precompiled headers.\n")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE mcpbridge_flags ${arg_DEPENDS})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

# mcpbridge_precompile(TARGET NAME): lets the files of TARGET start from the headers of NAME. Asio's need
# its compiled part, so this isn't for what other programs link (client/).
function(mcpbridge_precompile target name)
  if(MCPBRIDGE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM ${name})
    if(NOT target STREQUAL "mcpbridge_asio")
      target_link_libraries(${target} PRIVATE mcpbridge::asio)
    endif()
  endif()
endfunction()

# Several files of one target compiled as one, which takes about a third of the time: templates that they
# all use are instantiated once. Names in unnamed namespaces must then differ within a module. For CI's
# sanitizer builds; the release build compiles each file alone, so that each includes what it uses.
option(MCPBRIDGE_UNITY "Compile several files of a module as one" OFF)

# mcpbridge_unity(TARGET)
function(mcpbridge_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${MCPBRIDGE_UNITY} UNITY_BUILD_BATCH_SIZE 10)
endfunction()

set(headers
  <algorithm> <array> <charconv> <chrono> <functional> <map> <memory> <mutex> <optional> <string>
  <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/local/stream_protocol.hpp>
  <boost/asio/post.hpp> <boost/asio/ssl/stream.hpp> <boost/asio/steady_timer.hpp>
  <boost/asio/write.hpp> <boost/beast/core/flat_buffer.hpp> <boost/beast/http/parser.hpp>
  <boost/beast/http/string_body.hpp> <grpcpp/grpcpp.h> <simdjson.h>)
if(MCPBRIDGE_PRECOMPILE)
  # g++ 12's false alarms in std::string, which it keeps to itself for headers that aren't precompiled.
  target_compile_options(mcpbridge_flags INTERFACE -Wno-array-bounds -Wno-stringop-overflow)
  mcpbridge_precompiled_headers(mcpbridge_headers
    DEPENDS gRPC::grpc++ OpenSSL::SSL simdjson::simdjson
    HEADERS ${headers})
  if(MCPBRIDGE_BUILD_TESTS)
    find_package(GTest REQUIRED)
    mcpbridge_precompiled_headers(mcpbridge_test_headers
      DEPENDS gRPC::grpc++ OpenSSL::SSL simdjson::simdjson GTest::gmock
      HEADERS ${headers} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endif()

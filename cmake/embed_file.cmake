# cmake -DIN=FILE -DOUT=FILE.cc -DHEADER=a/b.h -DFUNCTION=Name -P embed_file.cmake
# Writes a function of namespace mcpbridge that gives the bytes of IN; HEADER declares it.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" lines "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${lines}")
file(WRITE ${OUT} "#include \"${HEADER}\"

namespace mcpbridge {

std::string_view ${FUNCTION}() {
  static constexpr unsigned char kBytes[] = {
${bytes}};
  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};
}

}  // namespace mcpbridge
")

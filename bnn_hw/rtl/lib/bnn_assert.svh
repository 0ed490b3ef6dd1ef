// Checks shared by all modules of the library.
//
// BNN_REQUIRE(label, condition, message)
//   parameter check at elaboration, in synthesis too: stops with the message.
// BNN_ASSERT_STREAM(label, valid, ready, data)
//   a beat once offered stays, with the same data, until it is taken. Needs clk
//   and rst_n in scope. Off in synthesis.
`ifndef BNN_ASSERT_SVH
`define BNN_ASSERT_SVH

`define BNN_REQUIRE(label, condition, message) \
  if (!(condition)) begin : label \
    $error(message); \
  end

`ifdef SYNTHESIS
`define BNN_ASSERT_STREAM(label, valid, ready, data)
`else
`define BNN_ASSERT_STREAM(label, valid, ready, data) \
  label : assert property (@(posedge clk) disable iff (!rst_n) \
      ((valid) && !(ready)) |=> ((valid) && $stable(data))) \
    else $error("a beat was withdrawn or changed before it was taken");
`endif

`endif

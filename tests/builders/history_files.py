"""Exports as brokers write them, shortened; every account and id is made up."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from stopward.domain.history import Source
from stopward.local.history.reading import HistoryFile, read_history

NOW = datetime(2024, 6, 3, 20, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")

TRADERVUE = """\
Date,Time,Symbol,Quantity,Price,Side,Commission,TransFee,ECNFee
1/17/2024,11:35:05,SPY,100,473.52,Buy,1.00,0.01,-0.20
1/17/2024,14:41:15,SPY,100,473.89,Sell,1.00,0.02,
01/18/2024,09:31:00,TSLA,50,212.10,SS,0.50,,
01/18/2024,09:44:30,TSLA,"1,050",211.00,BC,0.50,,
"""

ALPACA = """\
[
  {
    "id": "20240103143005123::8f6b8f4e-0c2e-4c62-9d3a-0f1d7b0c1a01",
    "activity_type": "FILL", "transaction_time": "2024-01-03T14:30:05.123456789Z",
    "type": "partial_fill", "price": "184.25", "qty": "60", "side": "buy", "symbol": "AAPL",
    "leaves_qty": "40", "order_id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "cum_qty": "60",
    "order_status": "partially_filled"
  },
  {
    "id": "20240103143005200::8f6b8f4e-0c2e-4c62-9d3a-0f1d7b0c1a02",
    "activity_type": "FILL", "transaction_time": "2024-01-03T14:30:05.2Z",
    "type": "fill", "price": 184.26, "qty": 40, "side": "buy", "symbol": "AAPL",
    "leaves_qty": 0, "order_id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "cum_qty": 100
  },
  {
    "id": "20240104000000000::0b9ef7d2-1b1e-4f4c-8d1f-aaaaaaaaaaaa",
    "activity_type": "DIV", "date": "2024-01-04", "net_amount": "1.02", "symbol": "T", "qty": "2"
  }
]
[
  {
    "id": "20240103150000000::8f6b8f4e-0c2e-4c62-9d3a-0f1d7b0c1a03",
    "activity_type": "FILL", "transaction_time": "2024-01-03T10:00:00-05:00",
    "type": "fill", "price": "185", "qty": "100", "side": "sell", "symbol": "AAPL",
    "leaves_qty": "0", "order_id": "71e69015-8549-4bfd-b9c3-01e75843f47d", "cum_qty": "100"
  },
  {
    "id": "20240103160000000::8f6b8f4e-0c2e-4c62-9d3a-0f1d7b0c1a04",
    "activity_type": "FILL", "transaction_time": "2024-01-03T16:00:00Z", "type": "fill",
    "price": "43000", "qty": "0.01", "side": "buy", "symbol": "BTC/USD", "leaves_qty": "0",
    "order_id": "81e69015-8549-4bfd-b9c3-01e75843f47d", "cum_qty": "0.01"
  }
]
"""

ALPACA_CSV = """\
id,activity_type,transaction_time,type,price,qty,side,symbol,leaves_qty,order_id,cum_qty
20240103143005123::a01,FILL,2024-01-03T14:30:05.123Z,fill,10,5,sell_short,F,0,o1,5
20240103150000000::a02,FILL,2024-01-03T15:00:00Z,fill,9.5,5,buy,F,0,o2,5
"""

IBKR_PLAIN = """\
"ClientAccountID","CurrencyPrimary","AssetClass","Symbol","DateTime","Quantity","TradePrice",\
"IBCommission","IBCommissionCurrency","Open/CloseIndicator","Notes/Codes","Buy/Sell","TradeID",\
"IBExecID","LevelOfDetail"
"U1234567","USD","STK","BRK B","20240103;093005","10","361.5","-0.34998775","USD","O","P","BUY",\
"601","0000e0d5.6595a001.01.01","EXECUTION"
"U1234567","USD","STK","BRK B","20240103;093005","10","361.5","-1.00","USD","O","","BUY","",\
"","ORDER"
"U1234567","USD","STK","BRK B","20240103;101500","-10","362.75","-0.3581","USD","C","","SELL",\
"602","0000e0d5.6595a002.01.01","EXECUTION"
"U1234567","USD","STK","BRK B","20240103;101500","-10","362.75","","","","","SELL","","",\
"CLOSED_LOT"
"U1234567","USD","OPT","AAPL  240119C00185000","20240103;110000","1","2.15","-0.7","USD","O","",\
"BUY","603","0000e0d5.6595a003.01.01","EXECUTION"
"U1234567","EUR","STK","SAP","20240103;110000","5","140.1","-1.7","EUR","O","","BUY","604",\
"0000e0d5.6595a004.01.01","EXECUTION"
"""

IBKR_FRAMED = """\
"BOF","U1234567","Trades","2","20240101","20240105","20240106;090000","100","100"
"BOA","U1234567"
"BOS","CTRN","Cash Transactions"
"HEADER","CTRN","ClientAccountID","CurrencyPrimary","Symbol","Amount","Type"
"DATA","CTRN","U1234567","USD","AAPL","0.24","Dividends"
"EOS","CTRN","1","0.24"
"BOS","TRNT","Trades; trade date basis"
"HEADER","TRNT","ClientAccountID","AssetClass","Symbol","DateTime","Quantity","TradePrice",\
"IBCommission","IBExecID"
"DATA","TRNT","U1234567","STK","F","2024-01-03;09:30:05","100","12.1","-1","0000a.01"
"DATA","TRNT","U1234567","STK","F","2024-01-03, 15:59:59","-100","12.2","-1","0000a.02"
"EOS","TRNT","2","10"
"EOA","U1234567"
"EOF","U1234567"
"""


def read(
    path: Path,
    text: str,
    *,
    zone: ZoneInfo | None = NEW_YORK,
    source: Source | None = None,
    broker_account: str | None = None,
    skip_bad_rows: bool = False,
) -> HistoryFile:
    """Write an export under a path and read it."""
    path.write_text(text, encoding="utf-8")
    return read_history(
        path,
        now=NOW,
        source=source,
        zone=zone,
        broker_account=broker_account,
        skip_bad_rows=skip_bad_rows,
    )

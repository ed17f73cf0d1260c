import { BarChart } from 'echarts/charts'
import { GridComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

/** The parts of ECharts that this page draws with; fetched when the first chart is drawn. */
use([BarChart, GridComponent, TooltipComponent, CanvasRenderer])

export { init }

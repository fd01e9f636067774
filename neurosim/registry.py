"""Names that users write, and the objects they stand for. A new rule, solver, dataset or plot is one line here.

An entry holds strings only. The module behind it is imported when the name is first used, so that commands which only
read scenarios import neither Numba nor Matplotlib.
"""

from __future__ import annotations

from neurosim.lookup import Entry, Registry

CIRCUIT_KINDS = Registry(
    "circuit kind",
    {
        "layered": Entry(
            target="neurosim.physics.layered.build:build_network",
            settings="neurosim.physics.layered.settings:LayeredCircuit",
            summary="Layers of point neurons or dyads with forward and feedback conductances.",
        ),
        "resistive": Entry(
            target="neurosim.physics.resistive.model:ResistiveNetwork",
            settings="neurosim.physics.resistive.settings:ResistiveCircuit",
            summary="A netlist: resistors, diodes, sources, capacitors, bidirectional amplifiers.",
        ),
        "deep_resistive": Entry(
            target="neurosim.physics.deep_resistive.network:DeepResistiveNetwork",
            settings="neurosim.physics.deep_resistive.settings:DeepResistiveCircuit",
            summary="Deep resistive networks: layers of nodes with ideal diodes, joined by resistors that learn.",
        ),
        "recurrent": Entry(
            target="neurosim.physics.recurrent.network:RecurrentNetwork",
            settings="neurosim.physics.recurrent.settings:RecurrentCircuit",
            summary="A discrete recurrent network that is driven by signals.",
        ),
    },
)

IMPERFECTIONS = "neurosim.physics.imperfection_settings:Imperfections"  # whose keys are the names

RULES = Registry(
    "rule",
    {
        "dual_propagation": Entry(
            target="neurosim.learning.rules.dual_propagation:DualPropagation",
            settings="neurosim.learning.rules.dual_propagation:DualPropagation",
            summary="Dyadic neurons: two oppositely nudged compartments, one relaxation, local updates.",
        ),
        "equilibrium": Entry(
            target="neurosim.learning.rules.equilibrium:Equilibrium",
            settings="neurosim.learning.rules.equilibrium:Equilibrium",
            summary="Point neurons: the response of the equilibrium to a nudge of the outputs, in phases.",
        ),
        "oscillating": Entry(
            target="neurosim.learning.rules.oscillating:Oscillating",
            settings="neurosim.learning.rules.oscillating:Oscillating",
            summary="Point neurons under a nudge that oscillates all the time; synapses demodulate, no phases.",
        ),
        "coupled": Entry(
            target="neurosim.learning.rules.coupled:Coupled",
            settings="neurosim.learning.rules.coupled:Coupled",
            summary="Netlists: the free circuit against one whose outputs are held nearer to their targets.",
        ),
        "contrastive": Entry(
            target="neurosim.learning.rules.contrastive:Contrastive",
            settings="neurosim.learning.rules.contrastive:Contrastive",
            summary="Netlists: the free circuit against one whose outputs are held at their targets.",
        ),
        "recurrent_backprop": Entry(
            target="neurosim.learning.rules.recurrent_backprop:RecurrentBackprop",
            settings="neurosim.learning.rules.recurrent_backprop:RecurrentBackprop",
            summary="The exact gradient at the equilibrium of a circuit with loops, as a reference.",
        ),
        "backprop": Entry(
            target="neurosim.learning.rules.backprop:Backprop",
            settings="neurosim.learning.rules.backprop:Backprop",
            summary="The exact gradient of the feed-forward prediction, as a reference.",
        ),
        "node_perturbation": Entry(
            target="neurosim.learning.rules.node_perturbation:NodePerturbation",
            settings="neurosim.learning.rules.node_perturbation:NodePerturbation",
            summary="Recurrent circuits: differences of the loss between noisy copies and a clean one.",
        ),
        "bptt": Entry(
            target="neurosim.learning.rules.bptt:BackpropThroughTime",
            settings="neurosim.learning.rules.bptt:BackpropThroughTime",
            summary="The exact gradient through time, or through one step of it, as a reference.",
        ),
    },
)

SOLVERS = Registry(
    "solver",
    {
        "sweeps": Entry(
            target="neurosim.dynamics.sweeps:SweepSolver",
            settings="neurosim.dynamics.settings:SweepsSettings",
            summary="Layer by layer in closed form, until nothing changes.",
        ),
        "newton": Entry(
            target="neurosim.dynamics.newton:NewtonSolver",
            settings="neurosim.dynamics.settings:NewtonSettings",
            summary="Equilibrium by Newton's method.",
        ),
        "euler": Entry(
            target="neurosim.dynamics.schemes.euler:EULER",
            settings="neurosim.dynamics.settings:FixedStepSettings",
            summary="Explicit Euler, order 1.",
        ),
        "exponential_euler": Entry(
            target="neurosim.dynamics.schemes.exponential_euler:EXPONENTIAL_EULER",
            settings="neurosim.dynamics.settings:FixedStepSettings",
            summary="Exact on the leak, order 1.",
        ),
        "heun": Entry(
            target="neurosim.dynamics.schemes.heun:HEUN",
            settings="neurosim.dynamics.settings:FixedStepSettings",
            summary="Explicit trapezoid, order 2.",
        ),
        "rk4": Entry(
            target="neurosim.dynamics.schemes.rk4:RK4",
            settings="neurosim.dynamics.settings:FixedStepSettings",
            summary="Classical Runge-Kutta, order 4.",
        ),
        "tsit5": Entry(
            target="neurosim.dynamics.schemes.tsit5:TSIT5",
            settings="neurosim.dynamics.settings:AdaptiveSettings",
            summary="Tsitouras 5(4), adaptive step, dense output.",
        ),
        "euler_maruyama": Entry(
            target="neurosim.dynamics.schemes.euler_maruyama:EULER_MARUYAMA",
            settings="neurosim.dynamics.settings:StochasticSettings",
            summary="State noise, Ito: strong order 1/2, or 1 where noise does not depend on the state; weak order 1.",
        ),
        "stochastic_heun": Entry(
            target="neurosim.dynamics.schemes.stochastic_heun:STOCHASTIC_HEUN",
            settings="neurosim.dynamics.settings:StochasticSettings",
            summary="State noise, Stratonovich: strong order 1; order 2 where there is no noise.",
        ),
        "radau": Entry(
            target="neurosim.dynamics.radau:RadauSolver",
            settings="neurosim.dynamics.settings:StiffSettings",
            summary="Implicit, order 5, through SciPy: for stiff circuits and as a reference.",
        ),
    },
)

ANALYSES = Registry(
    "analysis",
    {
        "relax": Entry(
            target="neurosim.analysis.relax:run",
            settings="neurosim.analysis.settings:RelaxAnalysis",
            summary="Trajectories of a few samples through every phase of the rule.",
        ),
        "bias": Entry(
            target="neurosim.analysis.bias:run",
            settings="neurosim.analysis.settings:BiasAnalysis",
            summary="The ladder from the rule's update to the exact gradient: settling, nudge, asymmetry.",
        ),
        "nudges": Entry(
            target="neurosim.analysis.nudges:run",
            settings="neurosim.analysis.settings:NudgesAnalysis",
            summary="The error at equilibrium against the size of the nudge: its order, its floor, its radius.",
        ),
        "train": Entry(
            target="neurosim.analysis.train:run",
            settings="neurosim.analysis.settings:TrainAnalysis",
            summary="Training with test error per epoch.",
        ),
        "perturbation": Entry(
            target="neurosim.analysis.perturbation:run",
            settings="neurosim.analysis.perturbation_settings:PerturbationAnalysis",
            summary="Recurrent circuits: how well loss differences of K noisy copies point along the exact gradient.",
        ),
        "robustness": Entry(
            target="neurosim.analysis.robustness:run",
            settings="neurosim.analysis.robustness_settings:RobustnessAnalysis",
            summary="Training in several ways beside each other, and test error under attacks on the inputs.",
        ),
    },
)

DATASETS = Registry(
    "dataset",
    {
        "digits": Entry(
            target="neurosim.datasets.digits:load",
            settings="neurosim.datasets.settings:DigitsData",
            summary="Handwritten digits, 8 x 8 pixels, embedded: 64 inputs, 10 classes.",
        ),
        "mnist": Entry(
            target="neurosim.datasets.mnist:load",
            settings="neurosim.datasets.settings:MnistData",
            summary="MNIST from its four IDX files: 784 inputs, 10 classes.",
        ),
        "fashion_mnist": Entry(
            target="neurosim.datasets.mnist:load",
            settings="neurosim.datasets.settings:FashionMnistData",
            summary="Fashion-MNIST from its four IDX files: 784 inputs, 10 classes.",
        ),
        "file": Entry(
            target="neurosim.datasets.arrays:load",
            settings="neurosim.datasets.settings:FileData",
            summary="Your own arrays from an NPZ or HDF5 file; integer labels or regression targets.",
        ),
        "xor": Entry(
            target="neurosim.datasets.generated:load_xor",
            settings="neurosim.datasets.settings:XorData",
            summary="The four patterns of exclusive or: 2 inputs, 2 classes.",
        ),
        "gaussian": Entry(
            target="neurosim.datasets.generated:load_gaussian",
            settings="neurosim.datasets.settings:GaussianData",
            summary="Generated Gaussian clouds around centres drawn from the seed.",
        ),
        "delay": Entry(
            target="neurosim.datasets.drawn:load_delay",
            settings="neurosim.datasets.sequence_settings:DelayData",
            summary="Sequences: white input, to be recalled some steps later.",
        ),
        "mackey_glass": Entry(
            target="neurosim.datasets.mackey_glass:load",
            settings="neurosim.datasets.sequence_settings:MackeyGlassData",
            summary="Sequences: a chaotic series, to be predicted or recalled.",
        ),
        "copying": Entry(
            target="neurosim.datasets.drawn:load_copying",
            settings="neurosim.datasets.sequence_settings:CopyingData",
            summary="Sequences: a list of symbols, to be recalled after a pause.",
        ),
        "weather": Entry(
            target="neurosim.datasets.weather:load",
            settings="neurosim.datasets.sequence_settings:WeatherData",
            summary="Sequences: hourly weather at JFK in 2013, embedded; temperature 1 h or 24 h ahead.",
        ),
        "series": Entry(
            target="neurosim.datasets.user_series:load",
            settings="neurosim.datasets.sequence_settings:SeriesData",
            summary="Sequences: your own columns from a CSV, NPZ or HDF5 file.",
        ),
    },
)

PLOTS = Registry(
    "plot",
    {
        "trajectories": Entry(
            target="neurosim.plots.trajectories:LAYOUT",
            summary="Overview of a relaxation: mean states and errors of every layer, and the decay of the rate.",
        ),
        "activity": Entry(
            target="neurosim.plots.activity:LAYOUT",
            summary="Mean state of the compartments of each unit over time, layer by layer.",
        ),
        "error": Entry(
            target="neurosim.plots.error:LAYOUT",
            summary="Difference of the two compartments of each dyad over time, layer by layer.",
        ),
        "complex_plane": Entry(
            target="neurosim.plots.complex_plane:LAYOUT",
            summary="Settled states along a contour of complex nudges, in the complex plane, layer by layer.",
        ),
        "lock_in": Entry(
            target="neurosim.plots.lock_in:LAYOUT",
            summary="A run under an oscillating nudge: states, and the error signals that synapses demodulate.",
        ),
        "rate": Entry(
            target="neurosim.plots.rate:draw",
            summary="RMS rate of change over time, phase by phase, down to the tolerance.",
        ),
        "power": Entry(
            target="neurosim.plots.power:draw",
            summary="Power that a netlist dissipates over time, phase by phase, and the energy of the first phase.",
        ),
        "circuit": Entry(
            target="neurosim.plots.circuit:LAYOUT",
            summary="A netlist as a graph: conductances as widths, currents of one sample as colours.",
        ),
        "bias": Entry(
            target="neurosim.plots.bias:LAYOUT",
            summary="Overview of a bias run: the ladder, the angles of the error vectors, and a waterfall per weight.",
        ),
        "waterfall": Entry(
            target="neurosim.plots.waterfall:LAYOUT",
            summary="From the exact gradient to the update, term by term with signs, per parameter block.",
        ),
        "error_alignment": Entry(
            target="neurosim.plots.error_alignment:draw",
            summary="Angle between the error vectors of every rung and the exact ones, layer by layer.",
        ),
        "ladder": Entry(
            target="neurosim.plots.ladder:draw",
            summary="Terms of the bias ladder per parameter block: their size relative to the exact gradient.",
        ),
        "u_curve": Entry(
            target="neurosim.plots.u_curve:draw",
            summary="Error, bias and noise of an update against the size of the nudge, and the best one.",
        ),
        "nudge_error": Entry(
            target="neurosim.plots.nudge_error:draw",
            summary="Error against the size of the nudge, with fitted orders, the floor of asymmetry and the radius.",
        ),
        "training": Entry(
            target="neurosim.plots.training:LAYOUT",
            summary="Overview of a training: learning curve, and gradient alignment where it was logged.",
        ),
        "learning_curve": Entry(
            target="neurosim.plots.learning_curve:draw",
            summary="Training and test error in percent per epoch, or the cost where there are no classes.",
        ),
        "gradient_alignment": Entry(
            target="neurosim.plots.gradient_alignment:draw",
            summary="Angle between the update and the exact gradient per epoch and parameter block.",
        ),
        "conductances": Entry(
            target="neurosim.plots.conductances:LAYOUT",
            summary="Trained parameters before and after learning, one histogram per block, with their bounds.",
        ),
        "robustness": Entry(
            target="neurosim.plots.robustness:LAYOUT",
            summary="Test error against the size of an attack, one line per variant, and norms of the conductances.",
        ),
        "sequence": Entry(
            target="neurosim.plots.sequence:LAYOUT",
            summary="Target and output of a circuit that is driven by signals, over time.",
        ),
        "components": Entry(
            target="neurosim.plots.components:LAYOUT",
            summary="Hidden trajectory of a recurrent circuit in its first principal components.",
        ),
        "perturbation_cosine": Entry(
            target="neurosim.plots.perturbation_cosine:LAYOUT",
            summary="Cosine of updates with the gradient against the number of noisy copies, rule by rule.",
        ),
        "correlation": Entry(
            target="neurosim.plots.correlation:LAYOUT",
            summary="Correlation of hidden activity before and after decorrelation.",
        ),
        "sweep": Entry(
            target="neurosim.plots.sweeps.overview:LAYOUT",
            summary="A sweep as what suits its keys: heat map, lines or scatter.",
        ),
        "heat_map": Entry(
            target="neurosim.plots.sweeps.heat_map:LAYOUT",
            summary="A sweep over two keys, as colours, with one panel per value of a third.",
        ),
        "lines": Entry(
            target="neurosim.plots.sweeps.lines:LAYOUT",
            summary="A sweep along one key, one line per value of another, with a band over seeds.",
        ),
        "scatter": Entry(
            target="neurosim.plots.sweeps.scatter:LAYOUT",
            summary="Every point of a sweep as a dot: two keys and a colour, or a key and a value.",
        ),
    },
)
